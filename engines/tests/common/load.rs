//! Clients that write as fast as they are answered, and a ledger: what became of each write, and which member answered when.
//! In the end every acknowledged write has to be there, and on every copy.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::PATIENCE;
use super::database::Database;

/// How many write at once.
pub(crate) const WRITERS: usize = 4;

/// How long a client waits for an answer before it calls the outcome unknown; longer than any switchover holds writes back.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks for a member that takes writes: four that asked without rest would keep two cores busy, and the servers
/// waiting.
const ASKED_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// How many writes make a load of it before anything is done to the database.
const BEGUN_AFTER: usize = 100;

/// A write: the writer's number and its own, which no other load has.
pub(crate) type Key = (usize, u64);

/// What a client knows of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is done, and must never be lost.
    Acknowledged,
    /// It was not done: it is tried again.
    Refused,
    /// It may have been done or not: the next write is another one.
    Unknown,
}

/// How many loads there have been, of all laws.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// How many writes of one writer have a number of their own before the next load's begin.
const NUMBERS: u64 = 1_000_000;

/// How the load writes to one kind of database and reads it back.
pub(crate) trait Client: Clone + Send + Sync + 'static {
    /// An open connection to one member.
    type Connection: Send;

    /// Whether only one member of a group may acknowledge writes at a time.
    const IS_LED: bool;

    /// How long a writer rests after each write. Clients write as fast as they are answered, unless that would leave the servers
    /// no processor.
    const RESTS: Duration = Duration::ZERO;

    /// The group that a writer writes to.
    fn group(&self, _writer: usize) -> usize {
        0
    }

    /// A connection to the member that takes a writer's writes now, and that member's number; none where no member does.
    fn connect(&self, writer: usize) -> impl Future<Output = Option<(usize, Self::Connection)>> + Send;

    /// Writes one key.
    fn write(&self, connection: &mut Self::Connection, key: Key) -> impl Future<Output = Answer> + Send;

    /// Every key of the load that a member holds.
    fn keys(&self, member: usize) -> impl Future<Output = BTreeSet<Key>> + Send;
}

/// A write that was acknowledged.
#[derive(Debug, Clone, Copy)]
struct Acknowledged {
    key: Key,
    /// The member that did.
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
pub(crate) struct Load<C> {
    client: C,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    writers: Vec<JoinHandle<Written>>,
}

/// What became of all writes.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) acknowledged: usize,
    pub(crate) unknown: usize,
    pub(crate) lost: usize,
    /// The longest time between two acknowledged writes of one writer.
    pub(crate) longest_gap: Duration,
}

impl<C: Client> Load<C> {
    /// Starts the writers.
    pub(crate) fn start(client: C) -> Self {
        let first = STARTED.fetch_add(1, Ordering::SeqCst) * NUMBERS;
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let start =
            |writer| tokio::spawn(write(client.clone(), (writer, first), Arc::clone(&stop), Arc::clone(&acknowledged)));
        let writers = (0..WRITERS).map(start).collect();
        Self { client, stop, acknowledged, writers }
    }

    /// Starts the writers, and returns once a hundred writes were acknowledged.
    pub(crate) async fn begin(client: C) -> Self {
        let load = Self::start(client);
        load.goes_on().await;
        load
    }

    /// Waits until a hundred more writes are acknowledged.
    pub(crate) async fn goes_on(&self) {
        let (begun, enough) = (Instant::now(), self.acknowledged.load(Ordering::SeqCst) + BEGUN_AFTER);
        while self.acknowledged.load(Ordering::SeqCst) < enough {
            assert!(begun.elapsed() < PATIENCE, "no hundred writes are acknowledged");
            sleep(ASKED_AGAIN_AFTER).await;
        }
    }

    /// Ends the writers, and compares what was acknowledged with what the members hold once the database has settled. Panics
    /// when two members took a group's writes at the same time, or when a copy holds other keys than its primary.
    pub(crate) async fn finish<D: Database<Client = C>>(self, database: &D) -> Report {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = Written::default();
        let mut longest_gap = Duration::ZERO;
        for writer in self.writers {
            let mut written = writer.await.expect("a writer");
            let times: Vec<Instant> = written.acknowledged.iter().map(|one| one.at).collect();
            longest_gap = times.windows(2).map(|pair| pair[1] - pair[0]).fold(longest_gap, Duration::max);
            all.unknown += written.unknown;
            all.refused += written.refused;
            all.acknowledged.append(&mut written.acknowledged);
        }
        if C::IS_LED {
            let groups: BTreeSet<usize> = (0..WRITERS).map(|writer| self.client.group(writer)).collect();
            for group in groups {
                let of_group = |one: &&Acknowledged| self.client.group(one.key.0) == group;
                one_member_at_a_time(all.acknowledged.iter().filter(of_group).collect());
            }
        }
        let kept = kept(&self.client, database).await;
        let lost = all.acknowledged.iter().filter(|one| !kept.contains(&one.key)).count();
        let report = Report { acknowledged: all.acknowledged.len(), unknown: all.unknown, lost, longest_gap };
        println!("{report:?}, {} refused and tried again", all.refused);
        report
    }
}

/// Every key of the load that a group's primary holds, or the first of equals; every other member has to hold the same soon.
async fn kept<D: Database>(client: &D::Client, database: &D) -> BTreeSet<Key> {
    let mut all = BTreeSet::new();
    for group in &database.settled().await.groups {
        let first = group.primary().or(group.members.first()).expect("a group has members");
        let kept = client.keys(database.number(&first.name)).await;
        for other in group.members.iter().filter(|member| member.name != first.name) {
            let begun = Instant::now();
            while client.keys(database.number(&other.name)).await != kept {
                assert!(begun.elapsed() < PATIENCE, "{} holds other keys than {}", other.name, first.name);
                sleep(Duration::from_millis(100)).await;
            }
        }
        all.extend(kept);
    }
    all
}

/// No member of a group acknowledges a write that was sent after another one had begun to acknowledge. One change of member, and
/// one back, is all that is told apart here: a load is for one switchover.
fn one_member_at_a_time(mut all: Vec<&Acknowledged>) {
    all.sort_by_key(|one| one.at);
    for pair in all.windows(2) {
        let (before, one) = (pair[0], pair[1]);
        if before.by == one.by {
            continue;
        }
        // The first may lead again, where it was given the role back: then the second writes nothing from there on.
        if let Some(again) = all.iter().find(|other| other.by == before.by && other.sent > one.at) {
            let between = all.iter().filter(|other| other.by == one.by && other.sent > again.at).count();
            assert_eq!(between, 0, "members {} and {} both took writes", before.by, one.by);
        }
    }
}

async fn write<C: Client>(client: C, (writer, first): Key, stop: Arc<AtomicBool>, count: Arc<AtomicUsize>) -> Written {
    let mut written = Written::default();
    let mut connection = None;
    let mut number = first;
    while !stop.load(Ordering::SeqCst) {
        let Some((by, open)) = &mut connection else {
            connection = client.connect(writer).await;
            if connection.is_none() {
                sleep(ASKED_AGAIN_AFTER).await;
            }
            continue;
        };
        let (key, sent) = ((writer, number), Instant::now());
        match timeout(ANSWERED_WITHIN, client.write(open, key)).await.unwrap_or(Answer::Unknown) {
            Answer::Acknowledged => {
                written.acknowledged.push(Acknowledged { key, by: *by, sent, at: Instant::now() });
                count.fetch_add(1, Ordering::SeqCst);
                number += 1;
                if C::RESTS > Duration::ZERO {
                    sleep(C::RESTS).await;
                }
            }
            Answer::Refused => {
                written.refused += 1;
                connection = None;
            }
            Answer::Unknown => {
                written.unknown += 1;
                connection = None;
                number += 1;
            }
        }
    }
    written
}
