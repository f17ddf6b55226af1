//! The implementation of the port for real: a Kubernetes cluster and the servers in it.

mod actions;
mod endpoints;
mod journal;
mod observer;
mod poolers;
mod service_routing;
mod switchover;
mod temporary_sync;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::discovery::workloads;
use stateful_cluster::journal_records::JournalRecord;
use stateful_cluster::locks::{NEXT_POD, OperationLock};
use stateful_cluster::{Cluster, Error as ClusterError};
use stateful_engines::{BoxFuture, Endpoint, Engine};
use stateful_safety::{Millis, Workload};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::timeout;

use crate::action::Action;
use crate::journal::Event;
use crate::{Progress, Snapshot, What, World, WorldError};
pub use observer::{Observer, OpenError};
pub use poolers::watch;

/// One workload in a real cluster.
pub struct Live {
    cluster: Cluster,
    workload: Workload,
    observer: Observer,
    endpoints: watch::Sender<Vec<Endpoint>>,
    own: Mutex<OwnOperation>,
    progress: std::sync::Mutex<Option<mpsc::UnboundedSender<Progress>>>,
    stop: watch::Receiver<bool>,
    /// How the watchdog is started; poolers are not paused where there is none.
    watchdog: Option<Vec<OsString>>,
    /// The poolers, by their pods, that this process has paused and could not resume: the API server was away.
    still_paused: Mutex<BTreeSet<String>>,
}

/// What belongs to this process while its operation runs: the operation lock, and the journal that it may write.
#[derive(Default)]
struct OwnOperation {
    lock: Option<OperationLock>,
    record: Option<JournalRecord>,
}

impl Live {
    /// Prepares connections to a workload: reads what its container declares and the Secrets that it refers to. `stop`
    /// becomes true when an operation should stop.
    pub async fn open(cluster: &Cluster, workload: &Workload, stop: watch::Receiver<bool>) -> Result<Self, OpenError> {
        Ok(Self {
            cluster: cluster.clone(),
            workload: workload.clone(),
            observer: Observer::open(cluster, workload).await?,
            endpoints: watch::channel(Vec::new()).0,
            own: Mutex::default(),
            progress: std::sync::Mutex::default(),
            stop,
            watchdog: None,
            still_paused: Mutex::default(),
        })
    }

    /// Pauses clients of poolers during a switchover: `program`, a command and its arguments, runs [`watch()`] and so resumes
    /// them should this process die.
    #[must_use]
    pub fn with_watchdog(self, program: Vec<OsString>) -> Self {
        Self { watchdog: Some(program), ..self }
    }

    /// The endpoints of the members, as of the last snapshot; for a canary that follows them.
    pub fn endpoints(&self) -> watch::Receiver<Vec<Endpoint>> {
        self.endpoints.subscribe()
    }

    /// The engine's adapter.
    pub fn engine(&self) -> Arc<dyn Engine> {
        self.observer.engine()
    }

    /// Tries a change out with the API server's dry run: admission, budgets and permissions are asked, nothing changes. A
    /// switchover has no dry run; only the judge is asked about it.
    pub async fn try_out(&self, action: &Action, snapshot: &Snapshot) -> Result<(), WorldError> {
        self.carry_out(action, snapshot, None).await.map(|_| ())
    }

    /// TOUCH. Reverts what members were told ahead of a restart that did not come. Returns what was done, and what could not
    /// be.
    async fn undo_restart_preparations(&self) -> Vec<String> {
        if let Err(why) = self.confirm_own_lock().await {
            return vec![format!("what this operation has changed on the members is left to the next one: {why}")];
        }
        // Where the members are now: the last snapshot may be from before the process that died.
        if let Err(error) = self.observe().await {
            return vec![format!(
                "settings that were changed on the members before a restart may still be there: {error}"
            )];
        }
        let endpoints = self.endpoints.borrow().clone();
        match self.observer.engine().restart_preparation() {
            Some(preparation) => {
                // Without them what can be reverted on the members is reverted.
                let watchers = self.watchers(&endpoints).await.unwrap_or_default();
                preparation.take_back(&endpoints, &watchers).await
            }
            None => Vec::new(),
        }
    }

    /// TOUCH. Removes what switchovers have made on the members and no member uses any more; the endpoints are those of the last
    /// snapshot, which is the one of the operation's end.
    async fn remove_unused_of_switchovers(&self) -> Vec<String> {
        if self.confirm_own_lock().await.is_err() {
            return Vec::new(); // the next operation does it
        }
        let endpoints = self.endpoints.borrow().clone();
        match self.observer.engine().switchover() {
            Some(switchover) => switchover.remove_unused(&endpoints).await,
            None => Vec::new(),
        }
    }

    /// Fails where another process may have begun to change the members: what this one then set back would be the other's.
    async fn confirm_own_lock(&self) -> Result<(), ClusterError> {
        let own = self.own.lock().await;
        match &own.lock {
            Some(lock) => lock.confirm().await,
            None => Err(ClusterError::LockLost(self.workload.id.to_string())),
        }
    }

    fn note(&self, notes: Vec<String>) {
        for text in notes {
            self.report(Progress { at: self.now(), what: What::Noted { text } });
        }
    }
}

impl World for Live {
    fn observe(&self) -> BoxFuture<'_, Result<Snapshot, WorldError>> {
        Box::pin(async move {
            let workload = workloads::find(&self.cluster, &self.workload.id).await?;
            let workload = workload
                .ok_or_else(|| ClusterError::NotFound(format!("{} runs no database any more", self.workload.id)))?;
            let (assessment, endpoints) = self.observer.assess(&workload, self.now()).await;
            self.endpoints.send_replace(endpoints);
            Ok(Snapshot { at: self.now(), workload, assessment })
        })
    }

    fn act<'a>(
        &'a self,
        action: &'a Action,
        snapshot: &'a Snapshot,
    ) -> BoxFuture<'a, Result<Option<Duration>, WorldError>> {
        Box::pin(async move {
            let own = self.own.lock().await;
            let lock = own.lock.as_ref().ok_or_else(|| ClusterError::LockLost(self.workload.id.to_string()))?;
            lock.confirm().await?;
            if let Action::Evict { uid, .. } | Action::RemoveMember { uid, .. } = action {
                lock.announce(NEXT_POD, uid).await?; // the guard lets this very pod pass, and no other of the workload
            }
            self.carry_out(action, snapshot, Some(lock)).await
        })
    }

    fn record<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), WorldError>> {
        Box::pin(self.write(event))
    }

    fn report(&self, progress: Progress) {
        // An operation goes on safely when its progress is not shown any more.
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
            // When the sender is gone no request to stop can come any more: only the time is waited for.
            if asked == Ok(false) {
                tokio::time::sleep(duration).await;
            }
            asked == Ok(true)
        })
    }
}
