//! Four clients that write as fast as they are answered, and a ledger of three states with who acknowledged what and when.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::servers::{Servers, connect};

const WRITERS: i32 = 4;

/// A write that was acknowledged.
#[derive(Debug, Clone, Copy)]
struct Acknowledged {
    key: (i32, i64),
    /// The server that did.
    by: usize,
    sent: Instant,
    at: Instant,
}

#[derive(Debug, Default)]
struct Written {
    acknowledged: Vec<Acknowledged>,
    unknown: usize,
    refused: usize,
}

/// Clients at work.
pub(crate) struct Clients {
    stop: Arc<AtomicBool>,
    writers: Vec<JoinHandle<Written>>,
}

/// What became of all writes.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) acknowledged: usize,
    pub(crate) unknown: usize,
    pub(crate) lost: usize,
    pub(crate) longest_gap: Duration,
}

impl Clients {
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let writers = (0..WRITERS).map(|writer| tokio::spawn(write(writer, Arc::clone(&stop)))).collect();
        Self { stop, writers }
    }

    /// Ends them, and compares what was acknowledged with what is on every server. Panics when two servers took writes at
    /// the same time, or one has a row that the primary has not.
    pub(crate) async fn finish(self, servers: &Servers, leader: usize) -> Report {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Written::default();
        let mut longest_gap = Duration::ZERO;
        for writer in self.writers {
            let written = writer.await.expect("a writer");
            let times: Vec<Instant> = written.acknowledged.iter().map(|one| one.at).collect();
            longest_gap = times.windows(2).map(|pair| pair[1] - pair[0]).fold(longest_gap, Duration::max);
            all.unknown += written.unknown;
            all.refused += written.refused;
            all.acknowledged.extend(written.acknowledged);
        }
        one_after_the_other(&mut all.acknowledged);
        let kept = rows(&servers.link(leader).await).await;
        let lost = all.acknowledged.iter().filter(|one| !kept.contains(&one.key)).count();
        for number in (0..3).filter(|number| *number != leader) {
            let begun = Instant::now();
            while rows(&servers.link(number).await).await != kept {
                assert!(begun.elapsed() < Duration::from_secs(20), "pg-{number} has other rows than pg-{leader}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let (acknowledged, unknown) = (all.acknowledged.len(), all.unknown);
        println!(
            "{acknowledged} acknowledged, {unknown} unknown, {} refused and tried again, {lost} lost, longest gap {longest_gap:?}",
            all.refused
        );
        Report { acknowledged, unknown, lost, longest_gap }
    }
}

/// Nobody acknowledges a write that was sent after somebody else had begun to acknowledge.
fn one_after_the_other(all: &mut [Acknowledged]) {
    all.sort_by_key(|one| one.at);
    let mut leader: Option<Acknowledged> = None;
    let mut were = BTreeSet::new();
    for one in all.iter() {
        if let Some(before) = leader.filter(|before| before.by != one.by) {
            were.insert(before.by);
            let later = all.iter().filter(|other| other.by == before.by && other.sent > one.at);
            let back = later.clone().next();
            // It may lead again after a switchover back; then nobody else writes from there on.
            if let Some(back) = back {
                let between = all.iter().filter(|other| other.by == one.by && other.sent > back.at).count();
                assert_eq!(between, 0, "pg-{} and pg-{} both took writes", before.by, one.by);
            }
        }
        leader = Some(*one);
    }
}

async fn rows(link: &Client) -> BTreeSet<(i32, i64)> {
    let rows = link.query("SELECT writer, number FROM kept", &[]).await.expect("the table");
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn write(writer: i32, stop: Arc<AtomicBool>) -> Written {
    let mut written = Written::default();
    let mut link: Option<(usize, Client)> = None;
    for number in 0_i64.. {
        while !stop.load(Ordering::SeqCst) {
            if link.is_none() {
                link = leader().await;
            }
            let Some((by, client)) = &link else { continue };
            let sent = Instant::now();
            let insert = format!("INSERT INTO kept VALUES ({writer}, {number})");
            let asked = timeout(Duration::from_secs(5), client.batch_execute(&insert)).await;
            match asked {
                Ok(Ok(())) => {
                    written.acknowledged.push(Acknowledged {
                        key: (writer, number),
                        by: *by,
                        sent,
                        at: Instant::now(),
                    });
                    break;
                }
                Ok(Err(error)) if error.code().is_some_and(|code| !code.code().starts_with("57P")) => {
                    written.refused += 1;
                    link = None;
                }
                // Nobody knows; the next number is another row.
                Ok(Err(_)) | Err(_) => {
                    written.unknown += 1;
                    link = None;
                    break;
                }
            }
        }
        if stop.load(Ordering::SeqCst) {
            break;
        }
    }
    written
}

/// Whoever takes writes, asked one after the other as a driver with several hosts does.
async fn leader() -> Option<(usize, Client)> {
    for number in 0..3 {
        let Ok(client) = connect(number, "client").await else { continue };
        let Ok(row) = client.query_one("SELECT pg_is_in_recovery()", &[]).await else { continue };
        if !row.get::<_, bool>(0) {
            return Some((number, client));
        }
    }
    // Four that asked without rest would keep two cores busy, and the servers waiting.
    tokio::time::sleep(Duration::from_millis(20)).await;
    None
}
