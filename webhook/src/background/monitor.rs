//! LOOK. Observes every guarded database once a second in the background: an admission request never waits for a database.
//!
//! Each database has a task of its own, so that one that does not answer delays no other. A bounded number of observations
//! runs at once, each with a deadline; databases with a silent server share permits of their own.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::inventory::{Change, SetFacts};
use stateful_operations::Observer;
use stateful_safety::{Assessment, Sync, WorkloadId};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::evaluation::state::GuardState;

/// An observation begins this long after the one before.
const EVERY: Duration = Duration::from_secs(1);

/// However much changes in the cluster, no observation begins sooner than this after the one before.
const AT_LEAST: Duration = Duration::from_millis(200);

/// How long one observation may take. Each server has 2 s to answer.
const DEADLINE: Duration = Duration::from_millis(3_500);

/// How many observations run at once, of databases that answer and of databases that do not.
const AT_ONCE: usize = 32;

/// How many observers are opened at once. Opening one asks the API server several times; some hundreds at the same moment
/// would each have a connection of their own, which stays in memory for as long as it is kept for another call.
const OPENED_AT_ONCE: usize = 8;

/// An observer that cannot be opened is tried again after this.
const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The StatefulSet's UID and generation, and what its annotation says of its start scripts. When one of them changes, the connection
/// settings or the confirmed scripts may have changed too, and the observer is opened anew.
type Version = (String, i64, Option<String>);

/// A database that is observed.
struct Monitored {
    version: Version,
    changed: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Permits to observe. Databases with a silent server take seconds each: if they shared permits with the others, as many
/// of them as there are permits would make the observations of all databases old.
struct Permits {
    opening: Semaphore,
    answering: Semaphore,
    silent: Semaphore,
}

impl Permits {
    fn new() -> Self {
        Self {
            opening: Semaphore::new(OPENED_AT_ONCE),
            answering: Semaphore::new(AT_ONCE),
            silent: Semaphore::new(AT_ONCE),
        }
    }

    const fn for_database(&self, answered: bool) -> &Semaphore {
        if answered { &self.answering } else { &self.silent }
    }
}

/// Monitors all guarded databases for as long as the process lives. It starts when the cluster has been read once: no
/// request is judged before, and some hundreds of observers would be opened while the API server lists ten thousand pods.
pub(crate) async fn run(state: Arc<GuardState>) {
    let mut changes = state.inventory.changes();
    state.inventory.synced().await;
    let permits = Arc::new(Permits::new());
    let mut monitored: HashMap<WorkloadId, Monitored> = HashMap::new();
    loop {
        let wanted: HashMap<WorkloadId, Version> = {
            let model = state.inventory.model();
            let sets = model.guarded_sets().into_iter();
            let version = |set: &SetFacts| (set.workload.uid.clone(), set.generation, set.keeps_role.clone());
            sets.map(|set| (set.workload.id.clone(), version(set))).collect()
        };
        monitored.retain(|id, one| {
            let stays = wanted.get(id) == Some(&one.version);
            if !stays {
                one.task.abort();
                state.forget(id);
            }
            stays
        });
        for (id, version) in wanted {
            monitored.entry(id.clone()).or_insert_with(|| {
                let changed = Arc::new(Notify::new());
                let prober = Prober { state: Arc::clone(&state), id, changed: Arc::clone(&changed) };
                Monitored { version, changed, task: tokio::spawn(prober.run(Arc::clone(&permits))) }
            });
        }
        let Some(burst) = changes.burst().await else { return };
        for change in burst {
            // A database whose version changed gets a new task above, which begins with an observation.
            if let Change::Workload(id) = change
                && let Some(one) = monitored.get(&id)
            {
                one.changed.notify_one();
            }
        }
    }
}

/// Observes one database.
struct Prober {
    state: Arc<GuardState>,
    id: WorkloadId,
    changed: Arc<Notify>,
}

impl Prober {
    async fn run(self, permits: Arc<Permits>) {
        // Spread over a second, so that two hundred databases are not asked at the same moment every second.
        tokio::time::sleep(jitter(&self.id)).await;
        let observer = Box::pin(self.open(&permits.opening)).await;
        let mut answered = true;
        loop {
            let began = Instant::now();
            if let Ok(_permit) = permits.for_database(answered).acquire().await {
                answered = Box::pin(self.observe(&observer)).await; // boxed: its memory is freed until the next one
            }
            tokio::select! {
                () = sleep_until(began + EVERY) => {}
                () = async { self.changed.notified().await; sleep_until(began + AT_LEAST).await } => {}
            }
        }
    }

    async fn open(&self, opening: &Semaphore) -> Observer {
        loop {
            let workload = self.state.inventory.model().workload(&self.id);
            if let (Some(workload), Ok(_permit)) = (workload, opening.acquire().await) {
                match Observer::open(&self.state.cluster, &workload).await {
                    Ok(observer) => return observer,
                    Err(error) => {
                        tracing::warn!(workload = %self.id, %error, "a guarded database cannot be observed");
                        self.state.store_failure(&self.id, error.to_string());
                    }
                }
            }
            tokio::time::sleep(OPEN_AGAIN_AFTER).await;
        }
    }

    /// Observes once; returns whether every server answered in time.
    async fn observe(&self, observer: &Observer) -> bool {
        let Some(workload) = self.state.inventory.model().workload(&self.id) else {
            return true;
        };
        let now = Timestamp::now().as_millisecond();
        match timeout(DEADLINE, observer.assess(&workload, now)).await {
            Ok((assessment, _)) => {
                let answered = all_answered(&assessment);
                self.state.store_observation(&self.id, assessment, workload);
                answered
            }
            Err(_) => {
                self.state.store_failure(&self.id, format!("no answer within {} ms", DEADLINE.as_millis()));
                false
            }
        }
    }
}

fn all_answered(assessment: &Assessment) -> bool {
    let mut members = assessment.groups.iter().flat_map(|group| &group.members);
    members.all(|member| !matches!(member.sync, Sync::Unreachable { .. }))
}

/// When within the second a database is observed; always the same for the same database.
fn jitter(id: &WorkloadId) -> Duration {
    let sum = id.to_string().bytes().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Duration::from_millis(sum % 1_000)
}
