//! TOUCH. The pause of clients during a switchover: poolers let their clients wait from the moment writes stop until the new
//! primary is where clients look for it, and Services are pointed at it.
//!
//! The pause always ends: `repoint`, `revert` or `resume` ends it when the switchover has ended, well or not; the watchdog ends
//! it when this process, or the future that holds the pause, is gone before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use stateful_cluster::locks::OperationLock;
use stateful_engines::{
    BoxFuture, ClientPause, Endpoint, Engine, PoolerControl, PoolerError, PoolerTarget, SwitchoverError,
};

use super::watchdog::Watchdog;
use crate::live::service_routing::ServiceRoutes;

/// What came of ending a pause.
#[derive(Default)]
pub(in crate::live) struct Resumed {
    /// What went wrong, in words for people.
    pub(in crate::live) notes: Vec<String>,
    /// The poolers whose clients may still wait, by their pods.
    pub(in crate::live) still_paused: Vec<String>,
}

/// Poolers to pause, the watchdog that resumes them should this process die, and the Services that lead to the successor.
pub(in crate::live) struct PoolerPause<'a> {
    lock: &'a OperationLock,
    engine: Arc<dyn Engine>,
    targets: Vec<PoolerTarget>,
    watchdog: Option<Watchdog>,
    services: ServiceRoutes,
    /// Whether the poolers were told to pause.
    is_paused: AtomicBool,
    /// Whether the Services lead to the successor already.
    is_rerouted: AtomicBool,
}

impl<'a> PoolerPause<'a> {
    /// A pause of these poolers; without any, no client waits.
    pub(in crate::live) const fn new(
        lock: &'a OperationLock,
        engine: Arc<dyn Engine>,
        targets: Vec<PoolerTarget>,
        watchdog: Option<Watchdog>,
        services: ServiceRoutes,
    ) -> Self {
        let (is_paused, is_rerouted) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { lock, engine, targets, watchdog, services, is_paused, is_rerouted }
    }

    /// After a switchover that succeeded: points Services and poolers at the new primary, then lets clients continue there.
    pub(in crate::live) async fn repoint(self, from: &Endpoint, to: &Endpoint) -> Resumed {
        if !self.is_rerouted.load(Ordering::SeqCst) {
            self.services.point_to_successor().await;
        }
        // Poolers that were not paused, too: where this finishes a switchover that was begun long ago, they have connected to
        // the old primary meanwhile, and would keep that connection.
        let Some(pooler_control) = self.engine.pooler_control().filter(|_| !self.targets.is_empty()) else {
            return self.conclude(Vec::new()).await;
        };
        self.services.wait_until_followed().await;
        let repointed = pooler_control.repoint(&self.targets, from, to).await;
        let in_any_case = |why: PoolerError| format!("is resumed in any case, but {why}");
        self.conclude(repointed.into_iter().map(|result| result.map_err(in_any_case)).collect()).await
    }

    /// After a switchover that failed, with the old primary still the primary: points Services back where they lead to the
    /// successor already.
    pub(in crate::live) async fn revert(self) -> Resumed {
        let astray = self.is_rerouted.load(Ordering::SeqCst) && !self.services.point_back().await;
        let mut resumed = self.resume().await;
        if astray {
            resumed.notes.push(
                "a Service still selects the member that did not become the primary, so its clients cannot write: the next switchover \
                 corrects it".to_owned(),
            );
        }
        resumed
    }

    /// Lets all clients continue where they were.
    pub(in crate::live) async fn resume(self) -> Resumed {
        let Some(pooler_control) = self.paused_poolers() else { return self.conclude(Vec::new()).await };
        let resumed = join_all(self.targets.iter().map(|target| pooler_control.resume(target))).await;
        let not_yet = |why: PoolerError| format!("could not be resumed yet ({why}); it is tried again");
        self.conclude(resumed.into_iter().map(|result| result.map_err(not_yet)).collect()).await
    }

    /// How to control the poolers, if they were paused.
    fn paused_poolers(&self) -> Option<&dyn PoolerControl> {
        self.engine.pooler_control().filter(|_| self.is_paused.load(Ordering::SeqCst))
    }

    /// Collects one result for each pooler. Where one failed the watchdog goes on trying.
    async fn conclude(self, results: Vec<Result<(), String>>) -> Resumed {
        let mut resumed = Resumed::default();
        for (target, result) in self.targets.iter().zip(results) {
            if let Err(why) = result {
                resumed.notes.push(format!("{} {why}", target.endpoint.member));
                resumed.still_paused.push(target.endpoint.member.clone());
            }
        }
        if let Some(watchdog) = self.watchdog.filter(|_| resumed.still_paused.is_empty()) {
            watchdog.dismiss().await;
        }
        resumed
    }
}

impl ClientPause for PoolerPause<'_> {
    fn confirm_lock(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async {
            let confirmed = self.lock.confirm().await;
            confirmed
                .map_err(|why| SwitchoverError::LockNotConfirmed(format!("the operation lock is not confirmed: {why}")))
        })
    }

    fn pause(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async {
            let (Some(pooler_control), Some(watchdog)) = (self.engine.pooler_control(), &self.watchdog) else {
                return Ok(());
            };
            let refused = |why: String| SwitchoverError::Refused { member: "the watchdog".to_owned(), why };
            watchdog.stand_by().await.map_err(refused)?;
            self.is_paused.store(true, Ordering::SeqCst);
            pooler_control.pause(&self.targets).await
        })
    }

    fn redirect(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.is_rerouted.store(self.services.point_to_successor().await, Ordering::SeqCst) })
    }
}
