//! TOUCH, through the cluster's `policy_status`. Writes into the status of each `DisruptionPolicy` to how many databases it
//! applies, and what in it is wrong.

use stateful_cluster::guard::policy::DisruptionPolicySpec;
use stateful_cluster::guard::policy_status;

use crate::evaluation::state::GuardState;

/// Writes the status of every policy.
pub(crate) async fn write(state: &GuardState) {
    let statuses: Vec<(String, usize, Option<String>)> = {
        let model = state.inventory.model();
        let sets = model.guarded_sets();
        let count = |policy: &DisruptionPolicySpec| sets.iter().filter(|set| model.policy_applies(policy, set)).count();
        model.policies().map(|(name, policy)| (name.to_owned(), count(policy), policy.config_violation())).collect()
    };
    for (name, workloads, violation) in statuses {
        let written = policy_status::write(&state.cluster, &name, workloads, violation.as_deref()).await;
        if let Err(error) = written {
            tracing::warn!(policy = name, %error, "the policy's status could not be written");
        }
    }
}
