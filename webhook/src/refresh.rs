//! LOOK. Asks every guarded database how it is, all the time, in the background: an admission request never waits for one.
//!
//! A task a database, so that one that does not answer delays nobody else; a bounded number at once, each with a deadline,
//! and those that were silent the last time in a line of their own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::{Change, Cluster};
use stateful_operations::Observer;
use stateful_safety::{Assessment, Sync, WorkloadId};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::state::Known;

/// A look begins this long after the one before.
const EVERY: Duration = Duration::from_secs(1);

/// No sooner than this, however much changes.
const AT_LEAST: Duration = Duration::from_millis(200);

/// One look may take this long; each server has two seconds of its own.
const DEADLINE: Duration = Duration::from_millis(3_500);

/// Looks at once, at those that answer and at those that do not.
const AT_ONCE: usize = 32;

/// Ways in that are looked for at once. The API server is asked for each, several times; were some hundreds to ask it at the
/// same moment, each would have a connection of its own, which stays in memory for as long as it is kept for another call.
const OPENED_AT_ONCE: usize = 8;

/// A way in that is not found is looked for again after this.
const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A database being watched.
struct Watched {
    /// The StatefulSet's UID and generation: with another one the way in may be another.
    version: (String, i64),
    kick: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Whose turn it is to be looked at. Those with a silent server take seconds each; were they to wait in one line with the
/// others, as many of them as there are turns would make what is known of everybody old.
struct Turns {
    opening: Semaphore,
    answering: Semaphore,
    silent: Semaphore,
}

impl Turns {
    fn new() -> Self {
        Self {
            opening: Semaphore::new(OPENED_AT_ONCE),
            answering: Semaphore::new(AT_ONCE),
            silent: Semaphore::new(AT_ONCE),
        }
    }

    const fn of(&self, answered: bool) -> &Semaphore {
        if answered { &self.answering } else { &self.silent }
    }
}

/// Watches over all guarded databases for as long as the process lives, once the cluster has been read: nobody may judge
/// before, and some hundreds of ways in would be asked for while the API server writes out ten thousand pods.
pub(crate) async fn run(cluster: Cluster, known: Arc<Known>) {
    let mut changes = known.inventory.changes();
    known.inventory.synced().await;
    let turns = Arc::new(Turns::new());
    let mut watched: HashMap<WorkloadId, Watched> = HashMap::new();
    loop {
        let wanted: HashMap<WorkloadId, (String, i64)> = {
            let model = known.inventory.model();
            let sets = model.guarded_sets().into_iter();
            sets.map(|set| (set.workload.id.clone(), (set.workload.uid.clone(), set.generation))).collect()
        };
        watched.retain(|id, one| {
            let stays = wanted.get(id) == Some(&one.version);
            if !stays {
                one.task.abort();
                known.forget(id);
            }
            stays
        });
        for (id, version) in wanted {
            watched.entry(id.clone()).or_insert_with(|| {
                let kick = Arc::new(Notify::new());
                let eye = Eye { cluster: cluster.clone(), known: Arc::clone(&known), id, kick: Arc::clone(&kick) };
                Watched { version, kick, task: tokio::spawn(eye.watch(Arc::clone(&turns))) }
            });
        }
        let Some(burst) = changes.burst().await else { return };
        for change in burst {
            // One that is no longer the same gets a new task above, which begins with a look.
            if let Change::Workload(id) = change
                && let Some(one) = watched.get(&id)
            {
                one.kick.notify_one();
            }
        }
    }
}

/// What one task needs.
struct Eye {
    cluster: Cluster,
    known: Arc<Known>,
    id: WorkloadId,
    kick: Arc<Notify>,
}

impl Eye {
    async fn watch(self, turns: Arc<Turns>) {
        // Spread over a second: two hundred databases are not asked at the same moment, every second.
        tokio::time::sleep(jitter(&self.id)).await;
        let sight = Box::pin(self.open(&turns.opening)).await;
        let mut answered = true;
        loop {
            let began = Instant::now();
            if let Ok(_permit) = turns.of(answered).acquire().await {
                answered = Box::pin(self.snapshot(&sight)).await; // what a look needs is not kept until the next
            }
            tokio::select! {
                () = sleep_until(began + EVERY) => {}
                () = async { self.kick.notified().await; sleep_until(began + AT_LEAST).await } => {}
            }
        }
    }

    async fn open(&self, opening: &Semaphore) -> Observer {
        loop {
            let workload = self.known.inventory.model().workload(&self.id);
            if let (Some(workload), Ok(_permit)) = (workload, opening.acquire().await) {
                match Observer::open(&self.cluster, &workload).await {
                    Ok(sight) => return sight,
                    Err(error) => {
                        tracing::warn!(workload = %self.id, %error, "no way in to a guarded database");
                        self.known.keep_trouble(&self.id, error.to_string());
                    }
                }
            }
            tokio::time::sleep(OPEN_AGAIN_AFTER).await;
        }
    }

    /// Looks once; whether every server answered in time.
    async fn snapshot(&self, sight: &Observer) -> bool {
        let Some(workload) = self.known.inventory.model().workload(&self.id) else {
            return true;
        };
        let now = Timestamp::now().as_millisecond();
        match timeout(DEADLINE, sight.assess(&workload, now)).await {
            Ok((assessment, _)) => {
                let answered = all_answered(&assessment);
                self.known.keep(&self.id, assessment, workload);
                answered
            }
            Err(_) => {
                self.known.keep_trouble(&self.id, format!("no answer within {} ms", DEADLINE.as_millis()));
                false
            }
        }
    }
}

fn all_answered(assessment: &Assessment) -> bool {
    let mut members = assessment.groups.iter().flat_map(|group| &group.members);
    members.all(|member| !matches!(member.sync, Sync::Unreachable { .. }))
}

/// Where in the second a database has its turn; the same one always has the same.
fn jitter(id: &WorkloadId) -> Duration {
    let sum = id.to_string().bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Duration::from_millis(sum % 1_000)
}
