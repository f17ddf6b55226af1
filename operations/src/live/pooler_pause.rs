//! TOUCH. The gate in front of a database: poolers that let their clients wait from the moment writes stop until the new
//! primary is where clients look for it, and Services that lead everybody there.
//!
//! Whatever happens, it is opened again: by `open` when the switchover has ended, well or not; by the watchdog when this
//! process, or the future that holds the gate, is gone before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use stateful_engines::{
    BoxFuture, ClientPause, Endpoint, Engine, PoolerControl, PoolerError, PoolerTarget, SwitchoverError,
};

use super::service_routing::Signposts;
use super::watchdog::Watchdog;

/// What came of opening it.
#[derive(Default)]
pub(super) struct Opened {
    /// What went wrong, in words for people.
    pub(super) notes: Vec<String>,
    /// The poolers whose clients may still wait, by their pods.
    pub(super) left: Vec<String>,
}

/// Poolers that will be paused, who resumes them should we die, and the Services that lead to the successor.
pub(super) struct PoolerPause {
    engine: Arc<dyn Engine>,
    fronts: Vec<PoolerTarget>,
    watchdog: Option<Watchdog>,
    closed: AtomicBool,
    signposts: Signposts,
    turned: AtomicBool,
}

impl PoolerPause {
    /// A gate over these poolers and Services; one over no pooler lets nobody wait.
    pub(super) const fn new(
        engine: Arc<dyn Engine>,
        fronts: Vec<PoolerTarget>,
        watchdog: Option<Watchdog>,
        signposts: Signposts,
    ) -> Self {
        let (closed, turned) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { engine, fronts, watchdog, closed, signposts, turned }
    }

    /// The switchover has ended well: everybody is led from one to the other, and those who wait go on when that is so.
    pub(super) async fn repoint(self, from: &Endpoint, to: &Endpoint) -> Opened {
        if !self.turned.load(Ordering::SeqCst) {
            self.signposts.turn().await;
        }
        // Those, too, that nobody has paused: where a switchover is finished that somebody began long ago, they have connected to
        // the old primary meanwhile, and would keep it.
        let Some(pooler_control) = self.engine.pooler_control().filter(|_| !self.fronts.is_empty()) else {
            return self.opened(Vec::new()).await;
        };
        self.signposts.followed().await;
        let led = pooler_control.repoint(&self.fronts, from, to).await;
        let in_any_case = |why: PoolerError| format!("is resumed in any case, but {why}");
        self.opened(led.into_iter().map(|led| led.map_err(in_any_case)).collect()).await
    }

    /// The old primary leads on: whoever was led to the successor already is led back.
    pub(super) async fn call_off(self) -> Opened {
        let astray = self.turned.load(Ordering::SeqCst) && !self.signposts.turn_back().await;
        let mut opened = self.open().await;
        if astray {
            opened
                .notes
                .push("a Service still leads to the member that was to lead: the next switchover turns it".to_owned());
        }
        opened
    }

    /// Lets everybody go on where they were.
    pub(super) async fn open(self) -> Opened {
        let Some(pooler_control) = self.pooler_control() else { return self.opened(Vec::new()).await };
        let resumed = join_all(self.fronts.iter().map(|front| pooler_control.resume(front))).await;
        let not_yet = |why: PoolerError| format!("could not be resumed yet ({why}); it is tried again");
        self.opened(resumed.into_iter().map(|resumed| resumed.map_err(not_yet)).collect()).await
    }

    /// What can be done with poolers, if any wait.
    fn pooler_control(&self) -> Option<&dyn PoolerControl> {
        self.engine.pooler_control().filter(|_| self.closed.load(Ordering::SeqCst))
    }

    /// What came of it, a pooler each. Where one failed the watchdog goes on trying.
    async fn opened(self, resumed: Vec<Result<(), String>>) -> Opened {
        let mut opened = Opened::default();
        for (front, resumed) in self.fronts.iter().zip(resumed) {
            if let Err(why) = resumed {
                opened.notes.push(format!("{} {why}", front.endpoint.member));
                opened.left.push(front.endpoint.member.clone());
            }
        }
        if let Some(watchdog) = self.watchdog.filter(|_| opened.left.is_empty()) {
            watchdog.dismiss().await;
        }
        opened
    }
}

impl ClientPause for PoolerPause {
    fn pause(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async {
            let (Some(pooler_control), Some(watchdog)) = (self.engine.pooler_control(), &self.watchdog) else {
                return Ok(());
            };
            let refused = |why: String| SwitchoverError::Refused { member: "the watchdog".to_owned(), why };
            watchdog.stand_by().await.map_err(refused)?;
            self.closed.store(true, Ordering::SeqCst);
            pooler_control.pause(&self.fronts).await
        })
    }

    fn redirect(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.turned.store(self.signposts.turn().await, Ordering::SeqCst) })
    }
}
