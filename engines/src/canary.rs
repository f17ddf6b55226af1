//! What every canary has in common: its pace, how long its client retries, and the ledger of one sequence of writes. Each engine
//! decides what is written, and where.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::select_ok;
use stateful_safety::Millis;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::{CanaryError, Endpoint, Gap, Ledger, ServerError};

/// A write every 20 ms: fine enough to measure a pause of a tenth of a second, too little to be a load.
const PACE: Duration = Duration::from_millis(20);

/// How long a client retries one write before it reports an error to its user: what drivers commonly do.
pub(crate) const CLIENT_PATIENCE: Duration = Duration::from_secs(5);

/// Between two attempts after a server refused.
pub(crate) const RETRY: Duration = Duration::from_millis(10);

/// How one attempt to write ended.
pub(crate) enum Attempt {
    Acknowledged,
    /// It is certain that nothing was written: the server refused, or no server could be reached.
    Refused,
    /// Nothing was written, and the server has named the member that takes this write.
    Moved,
    /// The connection broke or no answer came: the write may or may not have been carried out.
    Unknown,
}

/// A canary that was killed leaves its keys behind; a later canary removes them once they are a day old.
const STALE_AFTER: Millis = 86_400_000;

/// A name for what a canary writes into, with the time and the process in it, so that two canaries never share one.
pub(crate) fn name(now: Millis) -> String {
    format!("canary_{now}_{}", std::process::id())
}

/// Whether such a name is one that a canary left behind long ago.
pub(crate) fn is_forgotten(name: &str, now: Millis) -> bool {
    let made = name.strip_prefix("canary_").and_then(|rest| rest.split('_').next()?.parse::<Millis>().ok());
    made.is_some_and(|made| now - made > STALE_AFTER)
}

/// Retries as long as a client would: a switchover may be under way at this very moment.
pub(crate) async fn retry_like_a_client<T, F: Future<Output = Result<T, ServerError>>>(
    attempt: impl Fn() -> F,
) -> Result<T, ServerError> {
    let started = Instant::now();
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(why) if started.elapsed() > CLIENT_PATIENCE => return Err(why),
            Err(_) => sleep(RETRY).await,
        }
    }
}

/// The first member for which `connect_if_usable` succeeds. All members are asked at once, so that a member that hangs does not
/// delay the answer of another.
pub(crate) async fn find_usable<'a, T, F>(
    endpoints: &'a [Endpoint],
    connect_if_usable: impl Fn(&'a Endpoint) -> F,
) -> Result<T, ServerError>
where
    F: Future<Output = Result<T, ServerError>> + Send + 'a,
{
    if endpoints.is_empty() {
        return Err(ServerError::NoMembers);
    }
    select_ok(endpoints.iter().map(|endpoint| connect_if_usable(endpoint).boxed())).await.map(|(found, _)| found)
}

/// Writes and reads back, as a client of the engine does.
pub(crate) trait CanaryWriter: Send {
    /// Tries once. A number tried twice is written once.
    fn attempt(&mut self, number: u64) -> impl Future<Output = Attempt> + Send;

    /// The numbers that are there; then they are removed. Says in an error how to remove them by hand.
    fn read_back(&mut self) -> impl Future<Output = Result<BTreeSet<u64>, CanaryError>> + Send;
}

/// Writes one number after another until told to stop, reads back, and returns the ledger of that group.
pub(crate) async fn run(
    writer: &mut impl CanaryWriter,
    group: String,
    stop: watch::Receiver<bool>,
) -> Result<Ledger, CanaryError> {
    let mut tally = Tally { group, acknowledged: BTreeSet::new(), last_acknowledged: None, ledger: Ledger::default() };
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0;
    while !*stop.borrow() {
        pace.tick().await;
        number += 1;
        tally.write(writer, number).await;
    }
    let kept = writer.read_back().await?;
    tally.ledger.lost = tally.acknowledged.difference(&kept).count() as u64;
    Ok(tally.ledger)
}

struct Tally {
    group: String,
    acknowledged: BTreeSet<u64>,
    last_acknowledged: Option<Millis>,
    ledger: Ledger,
}

impl Tally {
    /// One write, tried as a client tries it.
    async fn write(&mut self, writer: &mut impl CanaryWriter, number: u64) {
        let started = Instant::now();
        let mut may_be_written = false;
        while started.elapsed() < CLIENT_PATIENCE {
            match writer.attempt(number).await {
                Attempt::Acknowledged => return self.acknowledge(number),
                Attempt::Refused => sleep(RETRY).await,
                Attempt::Moved => {}
                Attempt::Unknown => may_be_written = true,
            }
        }
        if may_be_written {
            self.ledger.unknown += 1;
        } else {
            self.ledger.failed += 1;
        }
    }

    fn acknowledge(&mut self, number: u64) {
        let now = now();
        if let Some(before) = self.last_acknowledged.replace(now) {
            let gap = u64::try_from(now - before).unwrap_or(0);
            self.ledger.longest_gap = self.ledger.longest_gap.max(gap);
            if gap >= Ledger::NOTABLE_GAP {
                self.ledger.gaps.push(Gap { group: self.group.clone(), from: before, until: now });
            }
        }
        self.ledger.acknowledged += 1;
        self.acknowledged.insert(number);
    }
}

/// The present time, in milliseconds since 1970.
pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
