//! The load: eight writers that write all the time, and a ledger of what became of each write.
//!
//! Each writer owns one key and has a client of its own, as eight instances of an application have. Under its key every write is
//! an entry of its own (a field of a hash, a row of a table, a document), so that a write lost in the middle leaves a gap which the
//! audit at the end finds.

mod client;
pub(crate) mod cluster_dns;
mod ledger;
mod pace;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::until;
use ledger::Ledger;

pub use client::{Client, Driver, Endpoint, WriteOutcome};
pub use cluster_dns::resolv_conf_of_cluster_dns;
pub use ledger::Figures;
pub(crate) use pace::Pace;

/// How many writers there are. Their keys are chosen so that each shard of a Redis Cluster has two or three of them.
const WRITERS: usize = 8;

/// How long a client may take to connect, and the database to create what the writes go into.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

/// How long the database may take until the audit reaches it. A database that clients could not reach for minutes has not lost
/// what it holds.
const READ_WITHIN: Duration = Duration::from_mins(3);

/// The load, running until it is stopped or dropped.
#[derive(Debug)]
pub struct Load {
    ledgers: Vec<Arc<Mutex<Ledger>>>,
    writers: JoinSet<()>,
    stop: watch::Sender<bool>,
    endpoint: Endpoint,
}

/// What the database holds at the end, compared with the ledger.
#[derive(Debug)]
pub struct Audit {
    /// Writes acknowledged since the load began.
    pub acknowledged: usize,
    /// Acknowledged writes that are not there, as `key/number`.
    pub lost: Vec<String>,
    /// What went wrong since the load began, in the driver's words.
    pub errors: Vec<String>,
}

impl Load {
    /// Begins to write, and returns once every key has been written.
    pub async fn start(endpoint: &Endpoint) -> Result<Self> {
        let driver = endpoint.driver();
        until("the database creates what the load writes into", CONNECTED_WITHIN, async || driver.prepare().await)
            .await?;
        let (stop, stopped) = watch::channel(false);
        let ledgers: Vec<_> = (0..WRITERS).map(|index| Arc::new(Mutex::new(Ledger::new(driver.key(index))))).collect();
        let mut writers = JoinSet::new();
        for ledger in &ledgers {
            let client = connect(driver, CONNECTED_WITHIN).await?;
            writers.spawn(writer::write(client, Arc::clone(ledger), interval(Pace::interval()), stopped.clone()));
        }
        let load = Self { ledgers, writers, stop, endpoint: endpoint.clone() };
        until("every key is written", Duration::from_secs(10), async || {
            let unwritten = load.ledgers.iter().find(|ledger| read(ledger).acknowledged().is_empty());
            unwritten.map_or(Ok(()), |ledger| Err(anyhow::anyhow!("{} is not", read(ledger).name())))
        })
        .await?;
        load.take_figures();
        Ok(load)
    }

    /// The figures since they were last taken; the next ones begin from zero.
    pub fn take_figures(&self) -> Figures {
        let now = Instant::now();
        let figures = self.ledgers.iter().map(|ledger| read(ledger).take_figures(now));
        figures.fold(Figures::default(), |all, of_key| all.combine(&of_key))
    }

    /// Stops writing and compares the database with the ledger.
    pub async fn stop(mut self) -> Result<Audit> {
        self.stop.send_replace(true);
        while let Some(ended) = self.writers.join_next().await {
            ended?;
        }
        let mut audit = Audit { acknowledged: 0, lost: Vec::new(), errors: Vec::new() };
        let mut client = connect(self.endpoint.driver(), READ_WITHIN).await?;
        for ledger in &self.ledgers {
            let (name, acknowledged, errors) = {
                let ledger = read(ledger);
                (ledger.name().to_owned(), ledger.acknowledged().to_vec(), ledger.errors().to_vec())
            };
            let found =
                until("reading a key back", Duration::from_secs(30), async || client.read_back(&name).await).await?;
            let is_lost = |number: &&u64| !found.contains(number);
            audit.lost.extend(acknowledged.iter().filter(is_lost).map(|number| format!("{name}/{number}")));
            audit.acknowledged += acknowledged.len();
            audit.errors.extend(errors);
        }
        Ok(audit)
    }
}

/// Tries again until the patience is over: a lost first packet is sent again after 1 s, which is as long as one attempt to
/// connect may take, and says nothing about the database.
async fn connect(driver: &dyn Driver, patience: Duration) -> Result<Box<dyn Client>> {
    until("a client connects", patience, async || driver.connect().await).await
}

/// Every write was acknowledged, and every acknowledged write is there.
pub fn nothing_failed(during: &Figures, audit: &Audit) -> Result<()> {
    nothing_lost(audit)?;
    ensure!(during.failed + during.unknown == 0, "writes went wrong:\n{}", audit.errors.join("\n"));
    Ok(())
}

/// Every acknowledged write is there.
pub fn nothing_lost(audit: &Audit) -> Result<()> {
    ensure!(audit.acknowledged > 0, "nothing was written");
    ensure!(audit.lost.is_empty(), "{} acknowledged writes are lost: {:?}", audit.lost.len(), audit.lost);
    Ok(())
}

fn read(ledger: &Mutex<Ledger>) -> std::sync::MutexGuard<'_, Ledger> {
    // Numbers are whole even where a writer died between two of them.
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
