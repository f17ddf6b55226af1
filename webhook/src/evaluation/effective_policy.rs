//! THINK. The policy that applies to a database: of all `DisruptionPolicy` objects that select it, the strictest value of
//! each field.

use std::collections::BTreeSet;

use stateful_cluster::guard::policy::{DisruptionPolicySpec, Mode, OnCordon, OnEviction};
use stateful_cluster::inventory::{Model, SetFacts};
use stateful_safety::Policy;

/// How old an observation may be, in milliseconds. Observations begin 1 s apart; one that meets a silent server takes 2 s
/// or more (`background/monitor.rs`), and until it has ended the one before it counts.
const MAX_AGE: i64 = 5_000;

/// What applies to one database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EffectivePolicy {
    /// The judge's thresholds.
    pub(crate) policy: Policy,
    /// Whether a denial denies, warns, or is only written to the audit log.
    pub(crate) mode: Mode,
    /// What the guard does when the pod to be evicted is a primary.
    pub(crate) on_eviction: OnEviction,
    /// What the guard does when a node is cordoned whose members cannot be moved.
    pub(crate) on_cordon: OnCordon,
    /// Users to whom none of it applies.
    pub(crate) exempt: BTreeSet<String>,
}

impl Default for EffectivePolicy {
    fn default() -> Self {
        Self {
            policy: Policy { max_age: MAX_AGE, ..Policy::default() },
            mode: Mode::Enforce,
            on_eviction: OnEviction::Refuse,
            on_cordon: OnCordon::Warn,
            exempt: BTreeSet::new(),
        }
    }
}

impl EffectivePolicy {
    /// Resolves what applies to a database. Of several policies the smaller threshold and the stricter mode count, only the
    /// reasons that all of them accept and only the users that all of them exempt; the guard switches over where one of them
    /// asks for it, since a switchover loses nothing.
    pub(crate) fn resolve(model: &Model, set: &SetFacts) -> Self {
        let applying = model.policies().map(|(_, policy)| policy).filter(|policy| model.policy_applies(policy, set));
        applying.map(Self::from_spec).reduce(|one, other| stricter(&one, &other)).unwrap_or_default()
    }

    fn from_spec(spec: &DisruptionPolicySpec) -> Self {
        let max_lag_bytes = spec.max_lag_bytes.and_then(|bytes| u64::try_from(bytes).ok());
        Self {
            policy: Policy {
                max_age: MAX_AGE,
                max_lag_bytes: max_lag_bytes.unwrap_or(Policy::default().max_lag_bytes),
                max_lag_seconds: spec.max_lag_seconds.and_then(|seconds| u64::try_from(seconds).ok()),
                accepted: spec.accept.iter().cloned().collect(),
            },
            mode: spec.mode,
            on_eviction: spec.on_eviction,
            on_cordon: spec.on_cordon,
            exempt: spec.exempt_users.iter().cloned().collect(),
        }
    }
}

fn stricter(one: &EffectivePolicy, other: &EffectivePolicy) -> EffectivePolicy {
    let accepted = one.policy.accepted.intersection(&other.policy.accepted).cloned().collect();
    let seconds = [one.policy.max_lag_seconds, other.policy.max_lag_seconds].into_iter().flatten().min();
    EffectivePolicy {
        policy: Policy {
            max_age: MAX_AGE,
            max_lag_bytes: one.policy.max_lag_bytes.min(other.policy.max_lag_bytes),
            max_lag_seconds: seconds,
            accepted,
        },
        mode: one.mode.max(other.mode),
        on_eviction: if [one.on_eviction, other.on_eviction].contains(&OnEviction::Switchover) {
            OnEviction::Switchover
        } else {
            OnEviction::Refuse
        },
        on_cordon: if [one.on_cordon, other.on_cordon].contains(&OnCordon::Deny) {
            OnCordon::Deny
        } else {
            OnCordon::Warn
        },
        exempt: one.exempt.intersection(&other.exempt).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stateful_cluster::guard::policy::{Mode, OnEviction};
    use stateful_cluster::inventory::Model;
    use stateful_safety::Policy;

    use super::EffectivePolicy;
    use crate::rules::fixtures::{guarded, redis};

    fn of(policies: &[Value]) -> EffectivePolicy {
        let policy = |(number, spec): (usize, &Value)| {
            json!({"apiVersion": "kubectl-stateful.dev/v1alpha1", "kind": "DisruptionPolicy",
                "metadata": {"name": format!("p{number}")}, "spec": spec})
        };
        let objects: Vec<_> =
            [guarded(), redis(3)].into_iter().chain(policies.iter().enumerate().map(policy)).collect();
        let model = Model::of(&objects, stateful_operations::engine_profiles()).expect("a model");
        let set = model.sets_in("shop").next().expect("a database");
        EffectivePolicy::resolve(&model, set)
    }

    #[test]
    fn without_a_policy_the_defaults_hold() {
        assert_eq!(of(&[]), EffectivePolicy::default());
        assert_eq!(of(&[]).mode, Mode::Enforce);
    }

    #[test]
    fn of_several_policies_the_strictest_of_each_counts() {
        let both = of(&[
            json!({"mode": "Audit", "maxLagBytes": 10, "accept": ["STF-DB-011", "STF-DB-019"], "exemptUsers": ["a", "b"]}),
            json!({"mode": "Warn", "maxLagSeconds": 7, "accept": ["STF-DB-019"], "exemptUsers": ["b"], "onEviction": "HandOver"}),
        ]);
        assert_eq!((both.mode, both.on_eviction), (Mode::Warn, OnEviction::Switchover));
        assert_eq!((both.policy.max_lag_bytes, both.policy.max_lag_seconds), (10, Some(7)));
        assert_eq!(both.policy.accepted.into_iter().collect::<Vec<_>>(), ["STF-DB-019"]);
        assert_eq!(both.exempt.into_iter().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_policy_for_other_databases_does_not_count_and_one_with_an_unreadable_selector_does() {
        let others = json!({"mode": "Audit", "workloadSelector": {"matchLabels": {"team": "another"}}});
        assert_eq!(of(&[others]).mode, Mode::Enforce);
        let ours = json!({"mode": "Audit", "workloadSelector": {"matchLabels": {"team": "redis"}}});
        assert_eq!(of(&[ours]).mode, Mode::Audit);
        let odd =
            json!({"maxLagBytes": 5, "workloadSelector": {"matchExpressions": [{"key": "a", "operator": "Odd"}]}});
        assert_eq!(of(&[odd]).policy.max_lag_bytes, 5);
    }

    #[test]
    fn a_negative_threshold_the_schema_would_refuse_is_the_default() {
        assert_eq!(of(&[json!({"maxLagBytes": -1})]).policy.max_lag_bytes, Policy::default().max_lag_bytes);
    }
}
