//! TOUCH. The gate in front of a database: poolers that let their clients wait from the moment writes stop until the new
//! primary is where clients look for it.
//!
//! Whatever happens, it is opened again: by `open` when the handover has ended, well or not; by the watchdog when this
//! process, or the future that holds the gate, is gone before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use stateful_cluster::Cluster;
use stateful_engines::{BoxFuture, Engine, Front, Gate, HandOverError};
use stateful_safety::Workload;
use tokio::time::sleep;

use super::watchdog::Watchdog;

/// How long it is waited for until the Service leads to the new primary. The endpoint controller takes a fraction of a
/// second; longer, and clients are better off with an error than waiting.
const LED_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(10);

/// Poolers that will be paused, and who resumes them should we die.
pub(super) struct Poolgate {
    engine: Arc<dyn Engine>,
    fronts: Vec<Front>,
    watchdog: Option<Watchdog>,
    closed: AtomicBool,
}

impl Poolgate {
    /// A gate over these poolers; one over none does nothing.
    pub(super) const fn new(engine: Arc<dyn Engine>, fronts: Vec<Front>, watchdog: Option<Watchdog>) -> Self {
        Self { engine, fronts, watchdog, closed: AtomicBool::new(false) }
    }

    /// Waits until every Service clients came by leads to the new primary.
    pub(super) async fn wait_until_led(&self, cluster: &Cluster, workload: &Workload, from: &str, to: &str) {
        if !self.closed.load(Ordering::SeqCst) {
            return;
        }
        let begun = Instant::now();
        for route in workload.routes.iter().filter(|route| route.member == from) {
            while begun.elapsed() < LED_WITHIN {
                match stateful_cluster::leads_to(cluster, &workload.id.namespace, &route.service, to).await {
                    Ok(true) => break,
                    Ok(false) | Err(_) => sleep(LOOK).await,
                }
            }
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
}
