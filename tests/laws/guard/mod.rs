//! The guard's laws, asked by the real `kubectl` and the real API server. Laws that stop, kill or uninstall the guard come first, since
//! no other law can use it meanwhile.

pub(crate) mod all_nodes;
mod approval;
pub(crate) mod cordons;
mod installation;
mod kubectl_output;
mod lag;
mod layouts;
mod leader_death;
mod modes;
mod outages;
mod policies;
mod reservations;
mod role_by_ordinal;
mod silence;
mod simultaneous;
mod standby_delay;
mod upgrade;

use stateful_harness::{Group, law};

pub(crate) fn groups() -> Vec<Group> {
    vec![
        Group::new(
            "guard-gone",
            [
                law!(outages::without_the_guard_guarded_evictions_are_refused_and_all_else_works),
                law!(outages::a_replica_killed_under_load_allows_nothing_wrong_and_explains_every_answer),
                law!(outages::the_guards_own_node_can_be_drained),
                law!(installation::the_guard_is_installed_twice_as_once_and_uninstalled_without_a_trace),
            ],
        ),
        Group::new("guard-leader", [law!(leader_death::a_leader_that_dies_in_a_switchovers_pause_leaves_one_primary)]),
        Group::new(
            "guard-redis",
            [
                law!(modes::a_policy_decides_whether_refusals_are_enforced_and_for_whom),
                law!(modes::with_on_cordon_deny_a_node_with_a_primary_is_not_cordoned),
                law!(kubectl_output::a_drain_that_is_refused_for_now_reports_why_and_asks_again),
                law!(lag::while_a_replica_lags_no_pod_is_evicted_and_then_the_drain_continues),
                law!(upgrade::an_upgrade_passes_through_the_guard_and_no_other_eviction_does_meanwhile),
            ],
        ),
        Group::new(
            "guard-standby",
            [law!(standby_delay::while_a_standby_is_silent_for_longer_than_the_policy_allows_no_other_is_evicted)],
        ),
        Group::new(
            "guard-replication",
            [
                law!(reservations::an_eviction_that_was_allowed_and_refused_by_the_budget_frees_itself),
                law!(role_by_ordinal::with_handover_a_primary_that_may_not_switch_over_stays_and_the_denial_says_why),
                law!(simultaneous::of_a_hundred_evictions_of_one_database_exactly_one_is_allowed),
            ],
        ),
        Group::new(
            "guard-only-copy",
            [
                law!(kubectl_output::a_drain_that_can_never_be_safe_ends_at_once_and_reports_what_to_type),
                law!(approval::the_only_copy_is_evicted_only_with_an_approval_bound_to_that_very_pod),
            ],
        ),
        Group::new(
            "guard-layouts",
            [
                law!(layouts::a_member_whose_data_lies_off_its_claim_is_never_given_up),
                law!(layouts::a_database_whose_start_script_asks_sentinels_is_seen_and_guarded),
            ],
        ),
        Group::new("guard-silence", [law!(silence::a_database_that_does_not_answer_delays_no_verdict_about_another)]),
        Group::new("guard-policies", [law!(policies::what_loses_data_is_refused_without_the_guard)]),
    ]
}
