//! Laws of PostgreSQL alone: behind its Service, behind poolers, under Patroni, and what goes wrong around the moment its primary moves.

mod api_server_gone;
mod asynchronous;
mod faults;
mod full_disk;
mod killed_switchover;
mod long_transaction;
mod major_version;
mod patroni;
mod pooler;
mod role_by_ordinal;
mod rollback;
mod surge;
mod writes;

use std::time::Duration;

use stateful_harness::{Group, Postgres, law};

use crate::every_engine;

/// After a restart kubelet waits 10 s before the next one of the same container, and 20 s before the one after that.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

pub(crate) fn groups() -> Vec<Group> {
    let after_upgrade = vec![law!(rollback::a_rollback_under_load_loses_nothing_and_is_quick)];
    let mut groups = every_engine::groups_with_primaries::<Postgres>(after_upgrade);
    groups.extend([
        Group::new(
            "postgres-pooled",
            [
                law!(pooler::a_switchover_behind_a_pooler_fails_and_loses_nothing),
                law!(pooler::a_node_whose_kube_proxy_is_a_second_late_fails_no_write),
                law!(pooler::a_long_transaction_calls_the_switchover_off_and_no_client_is_left_waiting),
                law!(pooler::a_plugin_that_is_killed_in_the_pause_leaves_no_client_waiting),
                law!(pooler::a_minor_upgrade_behind_a_pooler_fails_and_loses_nothing),
            ],
        ),
        Group::new(
            "postgres-api",
            [
                law!(api_server_gone::an_api_server_that_goes_while_there_is_no_primary_is_waited_for),
                law!(api_server_gone::an_api_server_that_goes_before_the_primary_is_stopped_leaves_it_primary),
                law!(api_server_gone::an_api_server_that_falls_silent_while_there_is_no_primary_is_waited_for)
                    .slow("a minute"),
                law!(api_server_gone::an_api_server_that_is_silent_for_longer_than_an_answer_is_waited_for_leaves_one_primary)
                    .slow("four minutes"),
                law!(api_server_gone::an_api_server_that_is_away_for_longer_than_a_switchover_waits_leaves_one_primary)
                    .slow("four minutes"),
            ],
        ),
        Group::new(
            "postgres-faults",
            [
                law!(major_version::a_major_upgrade_is_refused_and_touches_nothing),
                law!(long_transaction::a_long_transaction_is_waited_for_and_not_ended),
                law!(role_by_ordinal::a_role_that_a_start_script_decides_is_not_handed_over),
                law!(killed_switchover::a_switchover_killed_twice_is_resumed_with_one_primary_and_loses_nothing),
                law!(faults::a_standby_that_dies_in_the_pause_delays_no_writer),
                law!(faults::a_successor_that_dies_right_after_its_promotion_is_primary_when_it_is_back),
                law!(asynchronous::commits_wait_for_a_standby_only_while_members_are_replaced).slow("two minutes"),
            ],
        ),
        Group::new(
            "postgres-surge",
            [law!(surge::an_upgrade_with_a_surge_replica_ends_with_as_many_members_as_before_and_loses_nothing)],
        ),
        Group::new("postgres-disk", [law!(full_disk::a_successor_without_room_is_not_promoted_and_the_primary_stays)]),
        Group::new(
            "patroni",
            [
                law!(patroni::a_standby_that_hangs_is_not_asked_to_lead_and_no_client_waits_for_it),
                law!(patroni::patroni_moves_the_primary_when_asked_loses_nothing_and_keeps_its_configuration),
            ],
        ),
    ]);
    groups
}
