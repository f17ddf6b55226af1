//! The canary's writer and its ledger.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::FutureExt;
use futures::future::select_ok;
use stateful_safety::Millis;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::Client;

use super::table::Table;
use crate::postgres::links::{PATIENCE, ask, connect, words};
use crate::{Door, Gap, Ledger};

/// A write every 20 ms: fine enough to measure a pause of a tenth of a second, too little to be a load.
const PACE: Duration = Duration::from_millis(20);

/// How long a client goes on trying one write before it tells its user no: what drivers commonly do.
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries that a server refused.
const RETRY: Duration = Duration::from_millis(10);

pub(super) struct Writer {
    table: Table,
    doors: watch::Receiver<Vec<Door>>,
    stop: watch::Receiver<bool>,
    /// The connection to whoever last led.
    link: Option<Client>,
    acknowledged: BTreeSet<u64>,
    last_acknowledged: Option<Millis>,
    ledger: Ledger,
}

/// What one attempt came to.
enum Attempt {
    Acknowledged,
    /// The server said no: it is certain that nothing was written.
    Refused,
    /// The connection broke, or the server was stopping while it waited for standbys: it may have been written.
    Unknown,
    /// There was nobody to send it to.
    NotSent,
}

impl Writer {
    pub(super) fn new(doors: watch::Receiver<Vec<Door>>, stop: watch::Receiver<bool>) -> Self {
        Self {
            table: Table::new(now()),
            doors,
            stop,
            link: None,
            acknowledged: BTreeSet::new(),
            last_acknowledged: None,
            ledger: Ledger::default(),
        }
    }

    pub(super) async fn run(mut self) -> Result<Ledger, String> {
        self.begin().await?;
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0;
        while !*self.stop.borrow() {
            pace.tick().await;
            number += 1;
            self.write(number).await;
        }
        let kept = self.read_back().await.map_err(|why| {
            format!("the canary could not read back its table: {why}; remove it by hand: {}", self.table.removal())
        })?;
        self.ledger.lost = self.acknowledged.difference(&kept).count() as u64;
        Ok(self.ledger)
    }

    /// Makes the table, tried as long as a client would: a handover may be under way at this very moment.
    async fn begin(&mut self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let made = match self.leader().await {
                Ok(link) => self.table.make(&link, now()).await.map(|()| link),
                Err(why) => Err(why),
            };
            match made {
                Ok(link) => {
                    self.link = Some(link);
                    return Ok(());
                }
                Err(why) if started.elapsed() > CLIENT_PATIENCE => return Err(why),
                Err(_) => sleep(RETRY).await,
            }
        }
    }

    /// One write, tried as a client tries it.
    async fn write(&mut self, number: u64) {
        let started = Instant::now();
        let mut may_be_written = false;
        while started.elapsed() < CLIENT_PATIENCE {
            match self.attempt(number).await {
                Attempt::Acknowledged => return self.acknowledge(number),
                Attempt::Refused | Attempt::NotSent => {
                    self.link = None;
                    sleep(RETRY).await;
                }
                Attempt::Unknown => {
                    may_be_written = true;
                    self.link = None;
                }
            }
        }
        if may_be_written {
            self.ledger.unknown += 1;
        } else {
            self.ledger.failed += 1;
        }
    }

    async fn attempt(&mut self, number: u64) -> Attempt {
        if self.link.is_none() {
            self.link = self.leader().await.ok();
        }
        let Some(link) = &self.link else {
            return Attempt::NotSent;
        };
        match timeout(PATIENCE, self.table.write(link, number)).await {
            Ok(Ok(())) => Attempt::Acknowledged,
            Ok(Err(error)) => judge(&error),
            Err(_) => Attempt::Unknown,
        }
    }

    fn acknowledge(&mut self, number: u64) {
        let now = now();
        if let Some(before) = self.last_acknowledged.replace(now) {
            let gap = u64::try_from(now - before).unwrap_or(0);
            self.ledger.longest_gap = self.ledger.longest_gap.max(gap);
            if gap >= Ledger::NOTABLE_GAP {
                self.ledger.gaps.push(Gap { group: "main".to_owned(), from: before, until: now });
            }
        }
        self.ledger.acknowledged += 1;
        self.acknowledged.insert(number);
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, String> {
        let started = Instant::now();
        loop {
            let read = match self.leader().await {
                Ok(link) => timeout(CLIENT_PATIENCE, self.table.read_back(&link)).await,
                Err(why) => Ok(Err(why)),
            };
            match read {
                Ok(Ok(numbers)) => return Ok(numbers),
                Ok(Err(why)) if started.elapsed() > CLIENT_PATIENCE => return Err(why),
                Err(_) => return Err(format!("no answer within {CLIENT_PATIENCE:?}")),
                Ok(Err(_)) => sleep(RETRY).await,
            }
        }
    }

    /// A connection to whoever leads: all are asked at once, so that one that hangs delays nobody.
    async fn leader(&self) -> Result<Client, String> {
        let doors = self.doors.borrow().clone();
        if doors.is_empty() {
            return Err("there are no members".to_owned());
        }
        let asked = doors.iter().map(|door| leads(door).boxed());
        select_ok(asked).await.map(|(link, _)| link)
    }
}

async fn leads(door: &Door) -> Result<Client, String> {
    let link = connect(door.way.as_ref().map_err(Clone::clone)?).await?;
    let asked = timeout(PATIENCE, ask(&link, "SELECT pg_is_in_recovery()")).await;
    let rows = asked.map_err(|_| format!("no answer within {PATIENCE:?}"))?.map_err(|error| words(&error))?;
    let said = rows.first().and_then(|rows| rows.first()?.values().next()?.as_deref());
    if said == Some("f") { Ok(link) } else { Err(format!("{} does not lead", door.member)) }
}

/// A server's own word means nothing was written, except that one which is stopping (57P01 to 57P03) may have committed
/// and no longer waits for its standbys.
fn judge(error: &tokio_postgres::Error) -> Attempt {
    match error.code() {
        Some(code) if !code.code().starts_with("57P") => Attempt::Refused,
        Some(_) | None => Attempt::Unknown,
    }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
