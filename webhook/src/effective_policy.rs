//! THINK. Which limits apply to a database: the policies that select it, the strictest of each.

use std::collections::BTreeSet;

use stateful_cluster::{Mode, Model, OnCordon, OnEviction, SetFacts};
use stateful_safety::Policy;

/// How old a look may be. Looks begin a second apart; one that meets a silent server takes two, and until it has ended
/// the one before it counts.
const MAX_AGE: i64 = 5_000;

/// What applies to one database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EffectivePolicy {
    /// The judge's thresholds.
    pub(crate) policy: Policy,
    /// Whether refusals are meant.
    pub(crate) mode: Mode,
    /// What happens when a primary is to be evicted.
    pub(crate) on_eviction: OnEviction,
    /// What happens when a node is cordoned.
    pub(crate) on_cordon: OnCordon,
    /// Users who are not held to any of it.
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

/// The limits of a database. Of several policies the smaller threshold, the stricter mode, only what all of them accept
/// and only whom all of them exempt; a switchover where one asks for it, since it loses nothing.
pub(crate) fn effective_policy(model: &Model, set: &SetFacts) -> EffectivePolicy {
    let applying = model.policies().map(|(_, policy)| policy).filter(|policy| policy.applies_to(model, set));
    let mut limits: Option<EffectivePolicy> = None;
    for policy in applying {
        let one = EffectivePolicy {
            policy: Policy {
                max_age: MAX_AGE,
                max_lag_bytes: policy
                    .max_lag_bytes
                    .and_then(|bytes| u64::try_from(bytes).ok())
                    .unwrap_or(Policy::default().max_lag_bytes),
                max_lag_seconds: policy.max_lag_seconds.and_then(|seconds| u64::try_from(seconds).ok()),
                accepted: policy.accept.iter().cloned().collect(),
            },
            mode: policy.mode,
            on_eviction: policy.on_eviction,
            on_cordon: policy.on_cordon,
            exempt: policy.exempt_users.iter().cloned().collect(),
        };
        limits = Some(match limits {
            None => one,
            Some(other) => stricter(&one, &other),
        });
    }
    limits.unwrap_or_default()
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
    use stateful_cluster::{Mode, Model, OnEviction};
    use stateful_safety::Policy;

    use super::{EffectivePolicy, effective_policy};
    use crate::rules::fixtures::{guarded, redis};

    fn of(policies: &[Value]) -> EffectivePolicy {
        let policy = |(number, spec): (usize, &Value)| {
            json!({"apiVersion": "kubectl-stateful.dev/v1alpha1", "kind": "DisruptionPolicy",
                "metadata": {"name": format!("p{number}")}, "spec": spec})
        };
        let objects: Vec<_> =
            [guarded(), redis(3)].into_iter().chain(policies.iter().enumerate().map(policy)).collect();
        let model = Model::of(&objects).expect("a model");
        let set = model.sets_in("shop").next().expect("a database");
        effective_policy(&model, set)
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
    fn a_policy_for_others_does_not_count_and_one_nobody_can_read_does() {
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
