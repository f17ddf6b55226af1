//! Laws of the harness itself.

mod cleanup;
mod cluster_dns;

use stateful_harness::{Group, law};

pub(crate) fn groups() -> Vec<Group> {
    vec![Group::new(
        "harness",
        [
            law!(cleanup::a_law_that_fails_in_the_middle_leaves_nothing_behind),
            law!(cluster_dns::only_a_thread_that_uses_the_clusters_dns_sees_its_settings),
        ],
    )]
}
