//! What the guard counts and measures, in the Prometheus text format.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use stateful_safety::Reason;

use crate::evaluation::guarded_pod::RemovalKind;
use crate::evaluation::outcome::RuleOutcome;

/// A gauge in seconds, with fractions.
type Seconds = Gauge<f64, AtomicU64>;

/// Upper bounds in seconds: an answer from the cache takes a fraction of a millisecond, a reservation some milliseconds.
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

/// A condition of a database.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct ConditionLabels {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    /// Its code in `docs/reasons.md`.
    pub(crate) reason: &'static str,
}

/// A member of a database.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub(crate) struct MemberLabels {
    pub(crate) namespace: String,
    pub(crate) workload: String,
    pub(crate) member: String,
}

/// All metrics of the guard.
pub(crate) struct Metrics {
    registry: Registry,
    verdicts: Family<VerdictLabels, Counter>,
    answered: Family<RuleLabel, Histogram, fn() -> Histogram>,
    unreadable: Counter,
    /// Set at each scrape; see [`crate::telemetry::gauges`].
    pub(crate) gauges: Gauges,
}

/// Metrics of the present state.
#[derive(Default)]
pub(crate) struct Gauges {
    pub(crate) synced: Gauge,
    pub(crate) leader: Gauge,
    pub(crate) pods: Gauge,
    pub(crate) workloads: Gauge,
    pub(crate) promises: Gauge,
    pub(crate) certificate_expires: Seconds,
    pub(crate) members: Family<WorkloadLabels, Gauge>,
    pub(crate) members_absent: Family<WorkloadLabels, Gauge>,
    pub(crate) members_on_cordoned: Family<WorkloadLabels, Gauge>,
    pub(crate) in_operation: Family<WorkloadLabels, Gauge>,
    pub(crate) lag_limit: Family<WorkloadLabels, Gauge>,
    pub(crate) assessment_age: Family<WorkloadLabels, Seconds>,
    pub(crate) groups: Family<WorkloadLabels, Gauge>,
    pub(crate) primaries_missing: Family<WorkloadLabels, Gauge>,
    pub(crate) members_away: Family<WorkloadLabels, Gauge>,
    pub(crate) voters_missing: Family<WorkloadLabels, Gauge>,
    pub(crate) blockers: Family<ConditionLabels, Gauge>,
    pub(crate) lag: Family<MemberLabels, Gauge>,
    pub(crate) lag_seconds: Family<MemberLabels, Gauge>,
    pub(crate) waiting_since: Family<MemberLabels, Seconds>,
}

impl Gauges {
    /// Registers each with its meaning, which `docs/guard-metrics.md` shows.
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "synced",
            "Whether the cluster has been read once (1) or nothing may pass yet (0)",
            self.synced.clone(),
        );
        registry.register(
            "leader",
            "Whether this replica leads: it switches primaries over and creates default budgets",
            self.leader.clone(),
        );
        registry.register("pods", "Pods in the cache, of the whole cluster", self.pods.clone());
        registry.register("workloads", "Guarded databases", self.workloads.clone());
        registry.register(
            "promises",
            "Evictions and deletions allowed and not yet carried out: reservations",
            self.promises.clone(),
        );
        let expires = "When the serving certificate expires, in seconds since 1970; 0 while there is none";
        registry.register("certificate_expiry_timestamp_seconds", expires, self.certificate_expires.clone());
        registry.register("members", "Members a guarded database declares", self.members.clone());
        registry.register("members_absent", "Declared members that have no pod", self.members_absent.clone());
        let cordoned = "Members whose node is cordoned: a drain is about to move them";
        registry.register("members_on_cordoned_nodes", cordoned, self.members_on_cordoned.clone());
        let running = "Whether an operation is running on a database: its operation lock is held and renewed";
        registry.register("operation_running", running, self.in_operation.clone());
        let limit =
            "How far a replica may be behind its primary and still count as in sync, by the database's policies";
        registry.register("replication_lag_limit_bytes", limit, self.lag_limit.clone());
        let age = "How long ago a database was last observed; absent until an observation succeeded";
        registry.register("assessment_age_seconds", age, self.assessment_age.clone());
        registry.register("groups", "Replica groups (shards) of a database", self.groups.clone());
        let missing = "Replica groups without exactly one primary";
        registry.register("groups_without_primary", missing, self.primaries_missing.clone());
        let away = "Members that do not answer or do not stream from their primary";
        registry.register("members_away", away, self.members_away.clone());
        let voters = "Voters that are missing from the quorum that elects a primary";
        registry.register("voters_missing", voters, self.voters_missing.clone());
        let blockers = "Conditions of a database under which no member may be removed, by the code of the reason";
        registry.register("blockers", blockers, self.blockers.clone());
        registry.register("replication_lag_bytes", "How far a replica is behind its primary", self.lag.clone());
        let seconds = "How long ago a replica last confirmed its position to its primary, where the engine reports it";
        registry.register("replication_lag_seconds", seconds, self.lag_seconds.clone());
        let waiting = "Since when an eviction of a member is refused while its node is cordoned, in seconds since 1970";
        registry.register("eviction_refused_since_timestamp_seconds", waiting, self.waiting_since.clone());
    }

    /// Clears the gauges with labels, so that those of deleted databases disappear.
    pub(crate) fn clear(&self) {
        let counted = [
            &self.members,
            &self.members_absent,
            &self.members_on_cordoned,
            &self.in_operation,
            &self.lag_limit,
            &self.groups,
            &self.primaries_missing,
            &self.members_away,
            &self.voters_missing,
        ];
        counted.into_iter().for_each(Family::clear);
        self.assessment_age.clear();
        self.blockers.clear();
        self.lag.clear();
        self.lag_seconds.clear();
        self.waiting_since.clear();
    }
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("stateful_guard");
        let answered =
            Family::<RuleLabel, Histogram, fn() -> Histogram>::new_with_constructor(|| Histogram::new(ANSWERED_IN));
        let (verdicts, unreadable, gauges) = (Family::default(), Counter::default(), Gauges::default());
        let verdicts_help = "Outcomes of admission requests, by rule, outcome and the code of the first reason";
        registry.register("verdicts", verdicts_help, verdicts.clone());
        registry.register("answer_seconds", "How long an answer took", answered.clone());
        registry.register(
            "unreadable_requests",
            "Requests that were not a readable AdmissionReview",
            unreadable.clone(),
        );
        gauges.register(&mut registry);
        // Created at zero: Prometheus computes increases between two scrapes, and the first of these is worth an alert.
        for rule in [RemovalKind::Eviction.rule(), RemovalKind::Deletion.rule()] {
            let not_reserved = Reason::NotReserved { why: String::new() }.code();
            for (outcome, reason) in
                [(RuleOutcome::Approved, ""), (RuleOutcome::Exempt, ""), (RuleOutcome::Refused, not_reserved)]
            {
                let labels = VerdictLabels { rule, outcome: outcome.word(), reason: reason.to_owned() };
                drop(verdicts.get_or_create(&labels));
            }
        }
        Self { registry, verdicts, answered, unreadable, gauges }
    }

    /// Counts the outcome of a rule. `reason` is the code of the first reason against the request, or empty.
    pub(crate) fn count_outcome(&self, rule: &'static str, outcome: RuleOutcome, reason: &str) {
        let labels = VerdictLabels { rule, outcome: outcome.word(), reason: reason.to_owned() };
        self.verdicts.get_or_create(&labels).inc();
    }

    /// Records how long an answer took, in seconds.
    pub(crate) fn observe_answer(&self, rule: &'static str, seconds: f64) {
        self.answered.get_or_create(&RuleLabel { rule }).observe(seconds);
    }

    /// Counts a request that could not be read.
    pub(crate) fn count_unreadable(&self) {
        self.unreadable.inc();
    }

    /// The response to a scrape.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests;
