//! Laws of MongoDB alone. Eight writers all the while, as applications are: retryable writes, `w: majority`.

pub(crate) mod faults;
mod finalize;
mod killed_switchover;
mod obstacles;
mod shapes;
mod upgrade;

use std::time::Duration;

use stateful_harness::{Group, Mongodb, law};

use crate::every_engine;

/// An election without preparation takes 10 to 12 s, and kubelet waits before it restarts a container.
const SETTLED_WITHIN: Duration = Duration::from_mins(3);

pub(crate) fn groups() -> Vec<Group> {
    let mut groups =
        every_engine::groups_with_primaries::<Mongodb>(vec![law!(upgrade::a_rollback_under_load_fails_no_write)]);
    groups.extend([
        Group::new(
            "mongodb-others",
            [
                law!(obstacles::a_locked_secondary_is_refused_until_it_is_unlocked),
                law!(killed_switchover::a_switchover_killed_in_the_middle_is_resumed_and_loses_nothing),
                law!(finalize::an_upgrade_made_final_has_no_way_back_and_this_is_reported),
            ],
        ),
        Group::new(
            "mongodb-shapes",
            [
                law!(shapes::a_set_with_an_arbiter_is_upgraded_once_its_clients_may_wait_and_loses_nothing),
                law!(shapes::a_set_that_accepts_only_encrypted_connections_is_switched_over_and_fails_no_write),
            ],
        ),
        Group::new(
            "mongodb-slow",
            [
                law!(upgrade::an_upgrade_and_its_rollback_with_the_default_shutdown_fail_no_write)
                    .slow("four minutes: each member waits 15 s before it ends"),
                law!(shapes::a_set_of_five_is_upgraded_and_its_preferred_primary_leads_again).slow("three minutes"),
                law!(faults::a_primary_that_dies_at_each_step_of_an_upgrade_loses_nothing).slow("four minutes"),
                law!(faults::a_secondary_that_dies_at_each_step_of_an_upgrade_loses_nothing).slow("two minutes"),
            ],
        ),
    ]);
    groups
}
