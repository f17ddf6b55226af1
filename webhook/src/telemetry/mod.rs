//! What the guard shows of itself: metrics, and a log line and an Event for each decision about a member.

pub(crate) mod decision_log;
pub(crate) mod gauges;
pub(crate) mod metrics;
