//! TOUCH. Orders the successor to stand for election, and waits until it is the primary.
//!
//! It can win only with every entry that the voters have: they refuse a candidate that is behind (`README.md` of the server's
//! replication code, "Voting"). So the order is repeated until the successor has caught up.

use std::time::{Duration, Instant};

use mongodb::bson::doc;
use tokio::time::sleep;

use super::{SwitchoverContext, freeze};
use crate::mongodb::connections::is_writable;
use crate::{CompletedSwitchover, SwitchoverError};

/// How often the successor is asked whether it is the primary. Clients' writes wait; asking takes a fraction of a millisecond.
const POLL: Duration = Duration::from_millis(5);

/// After how long the order is repeated.
const AGAIN: Duration = Duration::from_millis(300);

/// By then the set has elected a primary by itself (`electionTimeoutMillis`, 10 s by default).
const SETTLED_AFTER: Duration = Duration::from_secs(15);

pub(super) async fn elect_successor(
    context: &SwitchoverContext<'_>,
    started: Instant,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut asked_at: Option<Instant> = None;
    while started.elapsed() < SETTLED_AFTER {
        if asked_at.is_none_or(|asked_at| asked_at.elapsed() >= AGAIN) {
            asked_at = Some(Instant::now());
            freeze::unfreeze_successor(context).await;
            // Refused where it has been elected already, or is still behind.
            let _ = context.ask(context.to, doc! { "replSetStepUp": 1 }).await;
        }
        if let Ok(client) = context.client(context.to).await
            && is_writable(&client).await.unwrap_or(false)
        {
            return Ok(CompletedSwitchover { took: started.elapsed() });
        }
        sleep(POLL).await;
    }
    match context.status(context.from).await {
        Ok(old) if old.leads() => Err(SwitchoverError::NotMoved {
            from: context.from.to_owned(),
            to: context.to.to_owned(),
            waited: started.elapsed(),
        }),
        _ => Err(context.unknown(format!("{} does not say that it leads", context.to))),
    }
}
