//! Conditions of a CouchDB cluster under which no member may be taken from it. The sections named are those of its manual
//! (docs.couchdb.org, 3.x).

use stateful_safety::{Blocks, Effect, Passes};

use crate::condition::{Condition, VIEWS_DISAGREE};

/// The table.
pub const CONDITIONS: &[&Condition] = &[
    &VIEWS_DISAGREE,
    &STRANGER,
    &MAINTENANCE_MODE_NOLB,
    &MAINTENANCE_MODE,
    &NOT_JOINED,
    &CATCHING_UP,
    &SHARD_SHORT,
    &RESHARDING,
];

/// A node of the cluster, or of its shard maps, that is no pod of this workload.
pub const STRANGER: Condition = Condition {
    code: "STF-DB-017",
    effect: Effect::new(Blocks::Everything, Passes::Never).and_finishing(),
    text: "the database lists {who}, which is no pod of this workload",
    next_step: "if it is gone for good, move its shards away, then delete its document in /_node/_local/_nodes",
    example: &[("who", "couchdb@couchdb-3.couchdb")],
};

/// A node takes part in no clustered request (`true`): "Base Configuration", `maintenance_mode`. The node itself may be taken,
/// since no client is sent to it; no other node may.
pub const MAINTENANCE_MODE: Condition = Condition {
    code: "STF-CD-001",
    effect: Effect::new(Blocks::AllButItsMember, Passes::ByItself),
    text: "{member} is in maintenance mode ({mode}): it takes part in no clustered request",
    next_step: "if an operation of this tool was broken off there: kubectl stateful resume {target} (or abort); else by the \
                person who set it, or by hand: kubectl exec {member}{flags} -- sh -c 'curl -u \
                \"$COUCHDB_USER:$COUCHDB_PASSWORD\" -X PUT -d \"\\\"false\\\"\" \
                localhost:5984/_node/_local/_config/couchdb/maintenance_mode'",
    example: &[("member", "couchdb-1"), ("mode", "true")],
};

/// A node tells load balancers to send it no clients (`nolb`).
pub const MAINTENANCE_MODE_NOLB: Condition = Condition {
    text: "{member} is in maintenance mode ({mode}): load balancers must send it no clients",
    example: &[("member", "couchdb-1"), ("mode", "nolb")],
    ..MAINTENANCE_MODE
};

/// A node is connected to a member and no part of the cluster: `/_membership`.
pub const NOT_JOINED: Condition = Condition {
    code: "STF-CD-002",
    effect: Effect::new(Blocks::Everything, Passes::ByItself),
    text: "{node} is connected to {member} (all_nodes) but does not belong to the cluster (cluster_nodes)",
    next_step: "let it join (on a member: PUT /_node/_local/_nodes/{node}), or stop it: until then CouchDB may place copies on it",
    example: &[("member", "couchdb-0"), ("node", "couchdb@couchdb-3.couchdb")],
};

/// A node still has changes to bring to other copies: "Shard Management", "Monitor internal replication".
pub const CATCHING_UP: Condition = Condition {
    code: "STF-CD-003",
    effect: Effect::new(Blocks::Everything, Passes::ByItself),
    text: "{member} has {jobs} jobs of internal replication to do, the limit is 0: other copies may lack changes",
    next_step: "wait for it to end: kubectl stateful status {target} --watch",
    example: &[("member", "couchdb-0"), ("jobs", "12")],
};

/// A shard has fewer copies on members of this workload than its database is to have. Copies are placed by administrators
/// alone ("Moving a shard").
pub const SHARD_SHORT: Condition = Condition {
    code: "STF-CD-004",
    effect: Effect::new(Blocks::Everything, Passes::Never),
    text: "shard {shard} has copies on {copies} members, its database is to have {wanted}",
    next_step: "add the copy that is missing (CouchDB's manual, \"Moving a shard\"), then POST /DATABASE/_sync_shards",
    example: &[("shard", "shop 00000000-7fffffff"), ("copies", "2"), ("wanted", "3")],
};

/// Shards are being split: `/_reshard`.
pub const RESHARDING: Condition = Condition {
    code: "STF-CD-005",
    effect: Effect::new(Blocks::Everything, Passes::ByItself),
    text: "shards are being split: {jobs} jobs run, says {member}",
    next_step: "let it end (GET /_reshard/jobs), or stop it for the duration: PUT /_reshard/state {\"state\": \"stopped\"}",
    example: &[("member", "couchdb-0"), ("jobs", "3")],
};
