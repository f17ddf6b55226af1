//! TOUCH. The gate in front of a database: poolers that let their clients wait from the moment writes stop until the new
//! primary is where clients look for it, and Services that lead everybody there.
//!
//! Whatever happens, it is opened again: by `open` when the handover has ended, well or not; by the watchdog when this
//! process, or the future that holds the gate, is gone before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use stateful_engines::{BoxFuture, Engine, Front, Gate, HandOverError};

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

    /// The handover has ended well: everybody is led to the successor, and those who wait go on waiting until that is so.
    pub(super) async fn lead_on(&self) {
        if !self.turned.load(Ordering::SeqCst) {
            self.signposts.turn().await;
        }
        if self.closed.load(Ordering::SeqCst) {
            self.signposts.followed().await;
        }
    }

    /// Lets everybody go on. Where that fails the watchdog goes on trying; the words are for people.
    pub(super) async fn open(self) -> Vec<String> {
        let Some(pooling) = self.engine.pooling().filter(|_| self.closed.load(Ordering::SeqCst)) else {
            if let Some(watchdog) = self.watchdog {
                watchdog.dismiss().await;
            }
            return Vec::new();
        };
        let resumed = join_all(self.fronts.iter().map(|front| pooling.resume(front))).await;
        let failed: Vec<String> = self
            .fronts
            .iter()
            .zip(resumed)
            .filter_map(|(front, resumed)| {
                let why = resumed.err()?;
                Some(format!("{} could not be resumed yet ({why}); it is tried again", front.door.member))
            })
            .collect();
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
