//! Laws that drain nodes with whatever is on them, or disconnect one: their databases have nodes of their own.

use stateful_harness::{Couchdb, Group, Mongodb, Postgres, RedisCluster, law};

use crate::every_engine::drain_laws;
use crate::guard::{all_nodes, cordons};
use crate::mongodb::faults;

pub(crate) fn groups() -> Vec<Group> {
    let laws = [
        vec![
            law!(all_nodes::draining_all_nodes_at_once_never_costs_a_quorum),
            law!(cordons::where_cordons_are_denied_our_drain_passes_and_a_plain_cordon_does_not),
        ],
        drain_laws::<RedisCluster>(),
        drain_laws::<Postgres>(),
        drain_laws::<Mongodb>(),
        drain_laws::<Couchdb>(),
        vec![law!(faults::a_node_that_is_cut_off_during_a_switchover_loses_nothing).slow("two minutes")],
    ];
    vec![Group::new("drains", laws.concat()).on_nodes_to_drain()]
}
