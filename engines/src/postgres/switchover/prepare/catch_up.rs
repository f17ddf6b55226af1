//! TOUCH. Runs a checkpoint on both, and waits until every receiver of the log has all of it: a stop then takes milliseconds, and
//! no receiver that hangs can delay it.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use crate::SwitchoverError;
use crate::postgres::connections::words;
use crate::postgres::switchover::{POLL, SwitchoverContext};

/// How long a checkpoint may take. It writes out all of memory that has changed; no writes wait for it.
const CHECKPOINT_WITHIN: Duration = Duration::from_mins(2);

/// How long the receivers may take to have what is written now. A receiver that streams has it in milliseconds.
const RECEIVED_WITHIN: Duration = Duration::from_secs(2);

pub(in crate::postgres::switchover) async fn catch_up(context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
    let (old, new) = futures::join!(checkpoint(context, context.from), checkpoint(context, context.to));
    old.and(new)?;
    // For what changed during the first checkpoint; this one is short, and so is the one of the stop.
    checkpoint(context, context.from).await?;
    let end = context.value(context.from, "SELECT pg_current_wal_flush_lsn()").await?.unwrap_or_default();
    // The stop waits for every receiver of the log, readers of logical slots included.
    let behind = format!(
        "SELECT string_agg(application_name, ', ') FROM pg_stat_replication WHERE state <> 'backup' \
         AND coalesce(flush_lsn, write_lsn) < '{end}'::pg_lsn"
    );
    // Promotion replays what is not replayed yet, and writes wait meanwhile.
    let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{end}'::pg_lsn");
    let begun = Instant::now();
    loop {
        let slow = context.value(context.from, &behind).await?;
        let ready = context.value(context.to, &replayed).await?.as_deref() == Some("t");
        let why = match slow {
            None if ready => return Ok(()),
            None => format!("{} has not replayed what is written", context.to),
            Some(names) => format!("{names} have not received what is written"),
        };
        if begun.elapsed() > RECEIVED_WITHIN {
            return Err(context.refused(format!("{why} after {RECEIVED_WITHIN:?}: its stop would wait for that")));
        }
        sleep(POLL).await;
    }
}

async fn checkpoint(context: &SwitchoverContext<'_>, member: &str) -> Result<(), SwitchoverError> {
    let refused = |why: String| SwitchoverError::Refused { member: member.to_owned(), why };
    let client = context.client(member).await?;
    match timeout(CHECKPOINT_WITHIN, client.batch_execute("CHECKPOINT")).await {
        Ok(done) => done.map_err(|error| refused(words(&error))),
        Err(_) => Err(refused(format!("its checkpoint takes longer than {CHECKPOINT_WITHIN:?}"))),
    }
}
