//! The guard itself: what it knows, and what it uses to write down and to tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use stateful_cluster::Cluster;
use stateful_safety::WorkloadId;

use crate::decision_log::Notices;
use crate::evaluation::Now;
use crate::metrics::Metrics;
use crate::state::Known;

/// Everything an answer may need.
pub(crate) struct Guard {
    pub(crate) cluster: Cluster,
    pub(crate) known: Arc<Known>,
    pub(crate) metrics: Metrics,
    pub(crate) notices: Notices,
    turns: Mutex<HashMap<WorkloadId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Guard {
    pub(crate) fn new(cluster: Cluster, known: Arc<Known>, metrics: Metrics, notices: Notices) -> Self {
        Self { cluster, known, metrics, notices, turns: Mutex::default() }
    }

    /// The turn to write down promises about a workload. Other replicas have turns of their own; between replicas the
    /// compare-and-swap decides, here nobody need lose one.
    pub(crate) fn turn(&self, id: &WorkloadId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(id.clone()).or_default())
    }

    /// The moment, by both clocks.
    pub(crate) fn now() -> Now {
        Now { wall: Timestamp::now(), steady: Instant::now() }
    }
}
