//! TOUCH. The gate in front of a database: poolers that let their clients wait from the moment writes stop until the new
//! primary is where clients look for it, and Services that lead everybody there.
//!
//! Whatever happens, it is opened again: by `open` when the handover has ended, well or not; by the watchdog when this
//! process, or the future that holds the gate, is gone before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use stateful_engines::{BoxFuture, Door, Engine, Front, Gate, HandOverError, Pooling};

use super::signposts::Signposts;
use super::watchdog::Watchdog;

/// Poolers that will be paused, who resumes them should we die, and the Services that lead to the successor.
pub(super) struct Poolgate {
    engine: Arc<dyn Engine>,
    fronts: Vec<Front>,
    watchdog: Option<Watchdog>,
    closed: AtomicBool,
    signposts: Signposts,
    turned: AtomicBool,
}

impl Poolgate {
    /// A gate over these poolers and Services; one over no pooler lets nobody wait.
    pub(super) const fn new(
        engine: Arc<dyn Engine>,
        fronts: Vec<Front>,
        watchdog: Option<Watchdog>,
        signposts: Signposts,
    ) -> Self {
        let (closed, turned) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { engine, fronts, watchdog, closed, signposts, turned }
    }

    /// The handover has ended well: everybody is led from one to the other, and those who wait go on when that is so.
    pub(super) async fn lead_on(self, from: &Door, to: &Door) -> Vec<String> {
        if !self.turned.load(Ordering::SeqCst) {
            self.signposts.turn().await;
        }
        let Some(pooling) = self.pooling() else { return self.opened(Vec::new()).await };
        self.signposts.followed().await;
        let led = pooling.lead_on(&self.fronts, from, to).await;
        let in_any_case = |why| format!("is resumed in any case, but {why}");
        self.opened(led.into_iter().map(|led| led.map_err(in_any_case)).collect()).await
    }

    /// Lets everybody go on where they were.
    pub(super) async fn open(self) -> Vec<String> {
        let Some(pooling) = self.pooling() else { return self.opened(Vec::new()).await };
        let resumed = join_all(self.fronts.iter().map(|front| pooling.resume(front))).await;
        let not_yet = |why| format!("could not be resumed yet ({why}); it is tried again");
        self.opened(resumed.into_iter().map(|resumed| resumed.map_err(not_yet)).collect()).await
    }

    /// What can be done with poolers, if any wait.
    fn pooling(&self) -> Option<&dyn Pooling> {
        self.engine.pooling().filter(|_| self.closed.load(Ordering::SeqCst))
    }

    /// What came of it, a pooler each. Where one failed the watchdog goes on trying; the words are for people.
    async fn opened(self, resumed: Vec<Result<(), String>>) -> Vec<String> {
        let each = self.fronts.iter().zip(resumed);
        let failed: Vec<String> =
            each.filter_map(|(front, resumed)| Some(format!("{} {}", front.door.member, resumed.err()?))).collect();
        if let Some(watchdog) = self.watchdog.filter(|_| failed.is_empty()) {
            watchdog.dismiss().await;
        }
        failed
    }
}

impl Gate for Poolgate {
    fn close(&self) -> BoxFuture<'_, Result<(), HandOverError>> {
        Box::pin(async {
            let (Some(pooling), Some(watchdog)) = (self.engine.pooling(), &self.watchdog) else { return Ok(()) };
            let refused = |why: String| HandOverError::Refused { member: "the watchdog".to_owned(), why };
            watchdog.stand_by().await.map_err(refused)?;
            self.closed.store(true, Ordering::SeqCst);
            pooling.pause(&self.fronts).await
        })
    }

    fn turn(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { self.turned.store(self.signposts.turn().await, Ordering::SeqCst) })
    }
}
