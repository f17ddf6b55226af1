//! What is counted and measured, in the Prometheus text format.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use stateful_safety::Reason;

use crate::taking::Outcome;

/// Fractions of a second, in seconds.
type Seconds = Gauge<f64, AtomicU64>;

/// Upper bounds in seconds: an answer from memory takes a fraction of a millisecond, a permission some milliseconds.
const ANSWERED_IN: [f64; 10] = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 1.0, 5.0];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VerdictLabels {
    rule: &'static str,
    outcome: &'static str,
    reason: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RuleLabel {
    rule: &'static str,
}

/// A database.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct WorkloadLabels {
    pub(crate) namespace: String,
    pub(crate) workload: String,
}

/// A member of a database.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct MemberLabels {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) member: String,
}

/// All of them.
pub(crate) struct Metrics {
    registry: Registry,
    verdicts: Family<VerdictLabels, Counter>,
    answered: Family<RuleLabel, Histogram, fn() -> Histogram>,
    unreadable: Counter,
    /// Set anew at each scrape from what is known then; see [`crate::gauges`].
    pub(crate) gauges: Gauges,
}

/// What is so now, rather than what has happened.
#[derive(Default)]
pub(crate) struct Gauges {
    pub(crate) synced: Gauge,
    pub(crate) leader: Gauge,
    pub(crate) pods: Gauge,
    pub(crate) workloads: Gauge,
    pub(crate) promises: Gauge,
    pub(crate) certificate_expires: Seconds,
    pub(crate) assessment_age: Family<WorkloadLabels, Seconds>,
    pub(crate) primaries_missing: Family<WorkloadLabels, Gauge>,
    pub(crate) members_away: Family<WorkloadLabels, Gauge>,
    pub(crate) blockers: Family<WorkloadLabels, Gauge>,
    pub(crate) in_operation: Family<WorkloadLabels, Gauge>,
    pub(crate) waiting_since: Family<MemberLabels, Seconds>,
    pub(crate) lag: Family<MemberLabels, Gauge>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("stateful_guard");
        let answered =
            Family::<RuleLabel, Histogram, fn() -> Histogram>::new_with_constructor(|| Histogram::new(ANSWERED_IN));
        let (verdicts, unreadable, gauges) = (Family::default(), Counter::default(), Gauges::default());
        registry.register("verdicts", "Answers to attempts, by rule, outcome and first reason", verdicts.clone());
        registry.register("answer_seconds", "How long an answer took", answered.clone());
        registry.register("unreadable_requests", "Requests that were no AdmissionReview", unreadable.clone());
        registry.register("synced", "Whether the cluster has been read once", gauges.synced.clone());
        registry.register("leader", "Whether this replica leads", gauges.leader.clone());
        registry.register("pods", "Pods remembered", gauges.pods.clone());
        registry.register("workloads", "Databases guarded", gauges.workloads.clone());
        registry.register("promises", "Evictions allowed and not yet seen", gauges.promises.clone());
        let expires = "When the serving certificate ends, in seconds since 1970";
        registry.register("certificate_expiry_timestamp_seconds", expires, gauges.certificate_expires.clone());
        let age = "How long ago a database was last looked at";
        registry.register("assessment_age_seconds", age, gauges.assessment_age.clone());
        let missing = "Replica groups without exactly one primary";
        registry.register("groups_without_primary", missing, gauges.primaries_missing.clone());
        let away = "Members that are silent or do not stream from their primary";
        registry.register("members_away", away, gauges.members_away.clone());
        registry.register("blockers", "Conditions under which nothing may be moved", gauges.blockers.clone());
        registry.register(
            "operation_running",
            "Whether somebody is at work on a database",
            gauges.in_operation.clone(),
        );
        let waiting = "Since when an eviction of a member is refused, in seconds since 1970";
        registry.register("eviction_refused_since_timestamp_seconds", waiting, gauges.waiting_since.clone());
        registry.register("replication_lag_bytes", "How far a replica is behind its primary", gauges.lag.clone());
        Self { registry, verdicts, answered, unreadable, gauges }
    }

    /// Counts an answer about a member.
    pub(crate) fn verdict(&self, rule: &'static str, outcome: Outcome, reasons: &[Reason]) {
        let reason = reasons.first().map(|reason| reason.code().to_owned()).unwrap_or_default();
        self.verdicts.get_or_create(&VerdictLabels { rule, outcome: outcome.word(), reason }).inc();
    }

    /// Counts an answer of a rule that looks at objects alone.
    pub(crate) fn ruled(&self, rule: &'static str, outcome: &'static str, reason: &str) {
        self.verdicts.get_or_create(&VerdictLabels { rule, outcome, reason: reason.to_owned() }).inc();
    }

    /// Counts an attempt that was none of our business.
    pub(crate) fn passed(&self, rule: &'static str) {
        self.ruled(rule, "passed", "");
    }

    /// Counts how long an answer took.
    pub(crate) fn answered(&self, rule: &'static str, seconds: f64) {
        self.answered.get_or_create(&RuleLabel { rule }).observe(seconds);
    }

    /// Counts a request that could not be read.
    pub(crate) fn unreadable(&self) {
        self.unreadable.inc();
    }

    /// The text a scrape gets.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Outcome {
    /// The word in metrics and logs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Warned => "warned",
            Self::Audited => "audited",
            Self::Approved => "approved",
            Self::Exempt => "exempt",
        }
    }
}
