//! THINK. Which limits apply to a database: the policies that select it, the strictest of each.

use std::collections::BTreeSet;

use stateful_cluster::{Mode, Model, OnCordon, OnEviction, SetFacts};
use stateful_safety::Policy;

/// How old a look may be. Looks begin a second apart; one that meets a silent server takes two, and until it has ended
/// the one before it counts.
const MAX_AGE: i64 = 5_000;

/// What applies to one database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limits {
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

impl Default for Limits {
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
/// and only whom all of them exempt; a handover where one asks for it, since it loses nothing.
pub(crate) fn limits(model: &Model, set: &SetFacts) -> Limits {
    let applying = model.policies().map(|(_, policy)| policy).filter(|policy| policy.applies_to(model, set));
    let mut limits: Option<Limits> = None;
    for policy in applying {
        let one = Limits {
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
            Some(other) => stricter(one, other),
        });
    }
    limits.unwrap_or_default()
}

fn stricter(one: Limits, other: Limits) -> Limits {
    let accepted = one.policy.accepted.intersection(&other.policy.accepted).cloned().collect();
    let seconds = [one.policy.max_lag_seconds, other.policy.max_lag_seconds].into_iter().flatten().min();
    Limits {
        policy: Policy {
            max_age: MAX_AGE,
            max_lag_bytes: one.policy.max_lag_bytes.min(other.policy.max_lag_bytes),
            max_lag_seconds: seconds,
            accepted,
        },
        mode: one.mode.max(other.mode),
        on_eviction: if [one.on_eviction, other.on_eviction].contains(&OnEviction::HandOver) {
            OnEviction::HandOver
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
