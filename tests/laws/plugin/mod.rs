//! Laws of the command line: what it refuses and how, what it needs of the API server, what it prints.

mod budgets;
mod contexts;
mod guard_manifests;
mod operations;
mod permissions;
mod plan_file;
mod refusals;
mod restore;
mod scratch_file;

use stateful_harness::{Group, law};

pub(crate) fn groups() -> Vec<Group> {
    vec![
        Group::new(
            "manifests",
            [
                law!(guard_manifests::guard_install_applies_what_kustomize_prints),
                law!(guard_manifests::a_dry_run_prints_manifests_and_asks_no_api_server),
            ],
        ),
        Group::new(
            "refusals",
            [
                law!(refusals::a_dry_run_changes_nothing),
                law!(refusals::an_unknown_workload_is_reported),
                law!(refusals::an_engine_word_that_fits_two_workloads_is_reported),
                law!(refusals::without_a_terminal_and_without_yes_it_is_a_usage_error),
                law!(contexts::a_kubeconfig_of_two_contexts_without_a_choice_is_reported),
                law!(refusals::a_wrong_password_is_reported_and_not_printed),
                law!(operations::a_second_operation_is_refused_with_the_holder_of_the_first),
                law!(operations::an_interrupted_upgrade_reports_how_to_go_on_and_can_be_aborted),
                law!(plan_file::a_plan_file_that_no_longer_fits_is_refused),
                law!(restore::an_older_release_is_refused),
                law!(restore::a_restore_plan_reports_what_is_lost_and_is_not_carried_out),
            ],
        ),
        Group::new(
            "budgets",
            [law!(budgets::a_budget_that_never_lets_a_member_go_is_known_before_anything_is_touched)],
        ),
        Group::new("permissions", [law!(permissions::the_printed_permissions_are_enough_and_each_is_needed)]),
    ]
}
