//! Conditions of a Redis under which something may not be done.

use stateful_safety::{Blocks, Effect, Passes};

use crate::condition::{
    Condition, NO_PRIMARY, ROLE_DECIDED_AT_START, ROLE_DECIDED_ELSEWHERE, SEVERAL_PRIMARIES, START_NOT_KNOWN,
    START_NOT_READ, VIEWS_DISAGREE,
};

/// The table.
pub const CONDITIONS: &[&Condition] = &[
    &VIEWS_DISAGREE,
    &STRANGER,
    &SEVERAL_PRIMARIES,
    &SEVERAL_PRIMARIES_UNDER_SENTINELS,
    &NO_PRIMARY,
    &SNAPSHOT_RUNNING,
    &ROLE_NOT_KEPT,
    &ROLE_DECIDED_AT_START,
    &ROLE_DECIDED_ELSEWHERE,
    &START_NOT_KNOWN,
    &START_NOT_READ,
    &SLOTS_UNCOVERED,
    &MIGRATION_RUNNING,
    &SENTINELS_UNKNOWN,
    &WRITES_REFUSED,
];

/// A server in the cluster's own list that is no pod of this workload.
pub const STRANGER: Condition = Condition {
    code: "STF-DB-017",
    effect: Effect::new(Blocks::Everything, Passes::Never).and_finishing(),
    text: "the database lists {who}, which is no pod of this workload",
    next_step: "if it is gone for good, make the members forget it: redis-cli CLUSTER FORGET {id} on each",
    example: &[("who", "07c37df at 10.0.0.9"), ("id", "07c37df")],
};

/// Sentinels make a replica of each primary that they have not chosen.
pub const SEVERAL_PRIMARIES_UNDER_SENTINELS: Condition = Condition {
    effect: Effect::new(Blocks::Everything, Passes::ByItself).and_finishing(),
    next_step: "the Sentinels make a replica of the one that they have not chosen, and what only that one has is lost then: \
                kubectl stateful status {target} --watch; if both stay, stop the clients' writes and see why ({logs})",
    ..SEVERAL_PRIMARIES
};

/// A snapshot or log rewrite runs in a forked child; a switchover now would compete with it for memory and disk.
pub const SNAPSHOT_RUNNING: Condition = Condition {
    code: "STF-DB-019",
    effect: Effect::new(Blocks::Switchover, Passes::WithinSeconds),
    text: "{member} is busy with an {what}",
    next_step: "wait for it to end: kubectl stateful status {target} --watch",
    example: &[("member", "redis-0"), ("what", "RDB snapshot")],
};

/// A restart would bring the member back as primary, since nothing on its disk says otherwise.
pub const ROLE_NOT_KEPT: Condition = Condition {
    code: "STF-DB-020",
    effect: Effect::new(Blocks::Switchover, Passes::Never),
    text: "{member} would come back as a primary after a restart: nothing on its disk says it is a replica",
    next_step: "keep redis.conf on the member's volume so that CONFIG REWRITE can record the role, or run Sentinel",
    example: &[("member", "redis-1")],
};

/// Hash slots without a master.
pub const SLOTS_UNCOVERED: Condition = Condition {
    code: "STF-RD-001",
    effect: Effect::new(Blocks::Everything, Passes::ByItself).and_finishing(),
    text: "only {covered} of 16384 hash slots have a master",
    next_step: "bring the missing shard back, or assign its slots: redis-cli --cluster fix",
    example: &[("covered", "10923")],
};

/// Slots are moving between shards.
pub const MIGRATION_RUNNING: Condition = Condition {
    code: "STF-RD-002",
    effect: Effect::new(Blocks::Everything, Passes::ByItself).and_finishing(),
    text: "slots are moving between shards: {slots}, says {member}",
    next_step: "let the resharding finish, or finish it: redis-cli --cluster fix",
    example: &[("member", "redis-0"), ("slots", "12")],
};

/// Sentinels undo a switchover that they were not asked for.
pub const SENTINELS_UNKNOWN: Condition = Condition {
    code: "STF-RD-003",
    effect: Effect::new(Blocks::Switchover, Passes::Never),
    text: "{member} does not answer CLIENT LIST, so whether Sentinels watch over it is not known",
    next_step: "give its user the command, on each member: redis-cli ACL SETUSER USER +client",
    example: &[("member", "redis-0")],
};

/// A switchover under Sentinels fences the old primary; a process that dies then leaves it so.
pub const WRITES_REFUSED: Condition = Condition {
    code: "STF-RD-004",
    effect: Effect::new(Blocks::Everything, Passes::Never).and_finishing(),
    text: "{member} refuses writes: a switchover that died has fenced it",
    next_step: "kubectl stateful resume {target}; where there is nothing to resume and every Sentinel names it, on it: \
                redis-cli CONFIG SET min-replicas-to-write {before}",
    example: &[("member", "redis-0"), ("before", "0")],
};
