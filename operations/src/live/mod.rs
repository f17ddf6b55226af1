//! The real world: a Kubernetes cluster and the servers in it.

mod endpoints;
mod found_poolers;
mod journal;
mod observer;
mod pool_filter;
mod pooler_pause;
mod poolers;
mod service_routing;
mod switchover;
mod temporary_sync;
mod watchdog;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::changes;
use stateful_cluster::changes::EvictionOutcome;
use stateful_cluster::changes::rollout;
use stateful_cluster::discovery::workloads;
use stateful_cluster::journal_records::JournalRecord;
use stateful_cluster::locks::{NEXT_POD, OperationLock};
use stateful_cluster::{Cluster, Error as ClusterError};
use stateful_engines::{BoxFuture, Endpoint, Engine, Prepared, SwitchoverError};
use stateful_safety::{Millis, Workload};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::timeout;

use crate::journal::Event;
use crate::steps::Act;
use crate::{Progress, Snapshot, What, World, WorldError};
pub use observer::{Observer, OpenError};
pub use watchdog::watch;

/// One workload in the real world.
pub struct Live {
    cluster: Cluster,
    workload: Workload,
    sight: Observer,
    endpoints: watch::Sender<Vec<Endpoint>>,
    ours: Mutex<Ours>,
    progress: std::sync::Mutex<Option<mpsc::UnboundedSender<Progress>>>,
    stop: watch::Receiver<bool>,
    /// How our watchdog is started; poolers are not paused where there is none.
    watchdog: Option<Vec<OsString>>,
    /// The poolers, by their pods, that we have paused and could not resume: the API server was away.
    left: Mutex<BTreeSet<String>>,
}

/// What makes an operation ours: the operation lock, and the journal that we may write.
#[derive(Default)]
struct Ours {
    lock: Option<OperationLock>,
    record: Option<JournalRecord>,
}

impl Live {
    /// Finds the way in to a workload: reads what its container declares and the secrets that refers to. `stop` turns
    /// true when an operation should stop.
    pub async fn open(cluster: &Cluster, workload: &Workload, stop: watch::Receiver<bool>) -> Result<Self, OpenError> {
        Ok(Self {
            cluster: cluster.clone(),
            workload: workload.clone(),
            sight: Observer::open(cluster, workload).await?,
            endpoints: watch::channel(Vec::new()).0,
            ours: Mutex::default(),
            progress: std::sync::Mutex::default(),
            stop,
            watchdog: None,
            left: Mutex::default(),
        })
    }

    /// Lets clients of poolers wait during a switchover: `program`, a command and its arguments, runs [`watch()`] and so
    /// resumes them should this process die.
    #[must_use]
    pub fn with_watchdog(self, program: Vec<OsString>) -> Self {
        Self { watchdog: Some(program), ..self }
    }

    /// The ways to the members, as of the last look; for a canary that follows them.
    pub fn endpoints(&self) -> watch::Receiver<Vec<Endpoint>> {
        self.endpoints.subscribe()
    }

    /// The engine's adapter.
    pub fn engine(&self) -> Arc<dyn Engine> {
        self.sight.engine()
    }

    /// Tries an act out with the API server's dry run: admission, budgets and permissions have their say, nothing
    /// changes. A switchover has no dry run; the judge's word is all there is.
    pub async fn try_out(&self, act: &Act, snapshot: &Snapshot) -> Result<(), WorldError> {
        self.carry_out(act, snapshot, true).await.map(|_| ())
    }

    /// TOUCH. Takes back what the members were told ahead of a restart that did not come. What was done, and what could not
    /// be.
    async fn undo_restart_preparations(&self) -> Vec<String> {
        // Where the members are now: the last snapshot may be from before the process that died.
        if let Err(error) = self.observe().await {
            return vec![format!("what the members were told ahead of a restart could not be taken back: {error}")];
        }
        let endpoints = self.endpoints.borrow().clone();
        match self.sight.engine().restart_preparation() {
            Some(preparation) => preparation.take_back(&endpoints).await,
            None => Vec::new(),
        }
    }

    fn note(&self, notes: Vec<String>) {
        for text in notes {
            self.report(Progress { at: self.now(), what: What::Noted { text } });
        }
    }

    async fn carry_out(&self, act: &Act, snapshot: &Snapshot, dry_run: bool) -> Result<Option<Duration>, WorldError> {
        let workload = &snapshot.workload;
        match act {
            Act::Hold => rollout::hold(&self.cluster, workload, dry_run).await?,
            Act::ChangeTemplate(change) => {
                rollout::change_template(&self.cluster, workload, change, dry_run).await?;
            }
            Act::Add { replicas } | Act::Remove { replicas, .. } => {
                let scaled = changes::scale(&self.cluster, workload, *replicas, dry_run).await;
                scaled.map_err(|error| match error {
                    // Somebody has scaled it: what that leaves to do is seen by looking.
                    ClusterError::Conflict(why) => WorldError::NotYet(why),
                    error => error.into(),
                })?;
            }
            Act::Release(before) => rollout::release(&self.cluster, workload, *before, dry_run).await?,
            Act::Route { services, to } => {
                for service in services {
                    changes::reroute(&self.cluster, &self.workload.id.namespace, service, to, dry_run).await?;
                }
            }
            Act::Evict { member, uid } => {
                if !dry_run {
                    let endpoints = self.endpoints.borrow().clone();
                    let is_led_to = workload.member(member).is_some_and(|pod| pod.ready);
                    let engine = self.sight.engine();
                    let prepared = match engine.restart_preparation() {
                        Some(preparation) => preparation.prepare_restart(&endpoints, member).await?,
                        None => Prepared::Ready,
                    };
                    match prepared {
                        Prepared::LookAgain(why) => return Err(WorldError::NotYet(why)),
                        Prepared::OnceNotReady(why) if is_led_to => return Err(WorldError::NotYet(why)),
                        Prepared::OnceNotReady(_) | Prepared::Ready => {}
                    }
                }
                let evicted = changes::evict(&self.cluster, &self.workload.id.namespace, member, uid, dry_run).await?;
                match evicted {
                    EvictionOutcome::Granted | EvictionOutcome::Gone => {}
                    EvictionOutcome::Refused(why) => return Err(WorldError::NotGranted(why)),
                }
            }
            Act::BeginTemporarySync if !dry_run => self.begin_temporary_sync(workload).await?,
            Act::EndTemporarySync if !dry_run => self.end_temporary_sync().await?,
            Act::BeginTemporarySync | Act::EndTemporarySync => {} // a setting of the servers' own: no dry run
            Act::Finalize(release) => {
                if !dry_run {
                    let endpoints = self.endpoints.borrow().clone();
                    let engine = self.sight.engine();
                    let finalization = engine.finalization().ok_or_else(|| cannot(&snapshot.workload, "finalize"))?;
                    finalization.finalize(&endpoints, release).await?;
                }
            }
            Act::Switchover { from, to } => {
                if !dry_run {
                    return self.switch_over(snapshot, from, to).await.map(Some);
                }
            }
        }
        Ok(None)
    }
}

/// An act that the workload's engine does not have. No plan has it either.
fn cannot(workload: &Workload, act: &str) -> WorldError {
    let why = format!("there is no {act} for it");
    SwitchoverError::Refused { member: workload.engine.to_string(), why }.into()
}

impl World for Live {
    fn observe(&self) -> BoxFuture<'_, Result<Snapshot, WorldError>> {
        Box::pin(async move {
            let workload = workloads::find(&self.cluster, &self.workload.id).await?;
            let workload = workload
                .ok_or_else(|| ClusterError::NotFound(format!("{} runs no database any more", self.workload.id)))?;
            let (assessment, endpoints) = self.sight.assess(&workload, self.now()).await;
            self.endpoints.send_replace(endpoints);
            Ok(Snapshot { at: self.now(), workload, assessment })
        })
    }

    fn act<'a>(&'a self, act: &'a Act, snapshot: &'a Snapshot) -> BoxFuture<'a, Result<Option<Duration>, WorldError>> {
        Box::pin(async move {
            let ours = self.ours.lock().await;
            let lock = ours.lock.as_ref().ok_or_else(|| ClusterError::LockLost(self.workload.id.to_string()))?;
            lock.confirm().await?;
            if let Act::Evict { uid, .. } | Act::Remove { uid, .. } = act {
                lock.announce(NEXT_POD, uid).await?; // the guard lets this very pod pass, and no other of the workload
            }
            self.carry_out(act, snapshot, false).await
        })
    }

    fn record<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), WorldError>> {
        Box::pin(self.write(event))
    }

    fn report(&self, progress: Progress) {
        // Nobody listening is no reason to stop moving a database safely.
        if let Ok(listener) = self.progress.lock()
            && let Some(listener) = listener.as_ref()
        {
            let _ = listener.send(progress);
        }
    }

    fn now(&self) -> Millis {
        Timestamp::now().as_millisecond()
    }

    fn pause(&self, duration: Duration) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let mut stop = self.stop.clone();
            let asked = timeout(duration, stop.wait_for(|stop| *stop)).await.map(|asked| asked.is_ok());
            // The sender's end (nobody can ask any more) is no wish to stop; then there is only the time to wait for.
            if asked == Ok(false) {
                tokio::time::sleep(duration).await;
            }
            asked == Ok(true)
        })
    }
}
