//! TOUCH. The successor stands for election, and is waited for.
//!
//! It cannot win without having all that the voters have: they refuse one that is behind (`README.md` of the server's
//! replication code, "Voting"). So it is told again until it has caught up.

use std::time::{Duration, Instant};

use mongodb::bson::doc;
use tokio::time::sleep;

use super::{SwitchoverContext, freeze};
use crate::mongodb::connections::is_writable;
use crate::{CompletedSwitchover, SwitchoverError};

/// How often the successor is asked whether it leads. Writes wait; asking costs a fraction of a millisecond.
const POLL: Duration = Duration::from_millis(5);

/// After how long it is told again.
const AGAIN: Duration = Duration::from_millis(300);

/// By then an election that nobody asked for has taken place (`electionTimeoutMillis`, 10 s by default).
const SETTLED_AFTER: Duration = Duration::from_secs(15);

pub(super) async fn stand(
    context: &SwitchoverContext<'_>,
    started: Instant,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let mut told: Option<Instant> = None;
    while started.elapsed() < SETTLED_AFTER {
        if told.is_none_or(|told| told.elapsed() >= AGAIN) {
            told = Some(Instant::now());
            freeze::not_the_successor(context).await;
            // Refused where it has been elected already, or is still behind.
            let _ = context.asked(context.to, doc! { "replSetStepUp": 1 }).await;
        }
        if let Ok(link) = context.link(context.to).await
            && is_writable(&link).await.unwrap_or(false)
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
