//! Laws of Redis alone.

mod crashed_members;
mod replication;
pub(crate) mod role_by_ordinal;
mod unready_member;

use stateful_harness::{Group, RedisCluster, law};

use crate::every_engine;

pub(crate) fn groups() -> Vec<Group> {
    let mut groups = every_engine::groups_with_primaries::<RedisCluster>(Vec::new());
    groups.extend([
        Group::new("redis-crashes", crashed_members::laws()),
        Group::new("redis-unready", unready_member::laws()),
        Group::new("redis-sentinel", [law!(replication::an_upgrade_under_sentinels_loses_nothing)]),
        Group::new("redis-replication", replication::laws()),
    ]);
    groups
}
