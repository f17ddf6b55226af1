//! The load: writers that never stop, and a ledger of what became of each write.
//!
//! Each writer owns one key and has a client of its own, as eight instances of an application would. Under the key every
//! write is a thing of its own, a field of a hash, a row of a table or a document, so a write lost in the middle leaves a hole that
//! the audit at the end finds.

mod couchdb;
mod driver;
mod inside;
mod key;
mod mongodb;
mod names;
mod postgres;
mod pymongo;
mod python;
mod redis;
mod resolver;
mod writer;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::until;
use driver::Link;
use key::Ledger;

pub(crate) use couchdb::Door as CouchdbDoor;
pub use driver::Door;
pub use key::Figures;
pub(crate) use postgres::Door as PostgresDoor;
pub(crate) use pymongo::Door as PymongoDoor;

/// How many write at once. Keys are chosen so that each shard of a Redis Cluster has two or three of them.
const WRITERS: usize = 8;

/// How long a client may take until it is connected, and what it writes into until it is there.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

/// How long the database may take to be reached in the end: whoever keeps clients away from it for minutes has not lost what it
/// holds.
const READ_WITHIN: Duration = Duration::from_mins(3);

/// The load, running.
#[derive(Debug)]
pub struct Load {
    ledgers: Vec<Arc<Mutex<Ledger>>>,
    writers: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
    door: Door,
}

/// What the database holds in the end, compared with the ledger.
#[derive(Debug)]
pub struct Audit {
    /// Writes acknowledged since the load began.
    pub acknowledged: usize,
    /// Acknowledged writes that are not there, as `key/number`.
    pub lost: Vec<String>,
    /// What went wrong since the load began, as told by the driver.
    pub errors: Vec<String>,
}

impl Load {
    /// Begins to write, and returns when every key has been written once.
    pub async fn start(door: impl Into<Door>) -> Result<Self> {
        let door = door.into();
        until("there is something to write into", CONNECTED_WITHIN, async || door.prepare().await).await?;
        let (stop, stopped) = watch::channel(false);
        let ledgers: Vec<_> = (0..WRITERS).map(|index| Arc::new(Mutex::new(Ledger::new(door.key(index))))).collect();
        let mut writers = Vec::new();
        for ledger in &ledgers {
            let link = connected(&door, CONNECTED_WITHIN).await?;
            writers.push(tokio::spawn(writer::write(link, Arc::clone(ledger), stopped.clone())));
        }
        let load = Self { ledgers, writers, stop, door };
        until("every key is written", Duration::from_secs(10), async || {
            let silent = load.ledgers.iter().find(|ledger| read(ledger).acknowledged().is_empty());
            silent.map_or(Ok(()), |ledger| Err(anyhow::anyhow!("{} is not", read(ledger).name())))
        })
        .await?;
        load.turn_page();
        Ok(load)
    }

    /// The figures since the page was last turned, and a fresh page: what comes before and after is told apart.
    pub fn turn_page(&self) -> Figures {
        let now = Instant::now();
        let pages = self.ledgers.iter().map(|ledger| read(ledger).turn_page(now));
        pages.fold(Figures::default(), |all, page| all.and(&page))
    }

    /// Stops writing and compares the database with the ledger.
    pub async fn stop(self) -> Result<Audit> {
        self.stop.send_replace(true);
        for writer in self.writers {
            writer.await?;
        }
        let mut audit = Audit { acknowledged: 0, lost: Vec::new(), errors: Vec::new() };
        let mut link = connected(&self.door, READ_WITHIN).await?;
        for ledger in &self.ledgers {
            let (name, acknowledged, errors) = {
                let ledger = read(ledger);
                (ledger.name().to_owned(), ledger.acknowledged().to_vec(), ledger.errors().to_vec())
            };
            let found =
                until("reading a key back", Duration::from_secs(30), async || link.numbers(&name).await).await?;
            let is_lost = |number: &&u64| !found.contains(number);
            audit.lost.extend(acknowledged.iter().filter(is_lost).map(|number| format!("{name}/{number}")));
            audit.acknowledged += acknowledged.len();
            audit.errors.extend(errors);
        }
        Ok(audit)
    }
}

/// As patient as any other condition: a first packet that is lost is sent again after 1 s, which is as long as one attempt
/// to connect may take, and says nothing about the database.
async fn connected(door: &Door, patience: Duration) -> Result<Link> {
    until("a client connects", patience, async || door.open().await).await
}

/// Nothing failed, nothing is unknown, and every acknowledged write is there.
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
