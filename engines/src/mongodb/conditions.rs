//! Conditions of a MongoDB replica set, alone or as a part of a sharded cluster, under which something may not be done.

use stateful_safety::{Blocks, Effect, Passes};

use crate::condition::{Condition, NO_PRIMARY, SEVERAL_PRIMARIES as SEVERAL_PRIMARIES_OF_ANY, VIEWS_DISAGREE};

/// The table.
pub const CONDITIONS: &[&Condition] = &[
    &VIEWS_DISAGREE,
    &STRANGER,
    &SEVERAL_PRIMARIES,
    &NO_PRIMARY,
    &BUSY,
    &WRITES_LOCKED,
    &HISTORY_SHORT,
    &FEATURES_DIFFER,
    &FEATURES_CHANGING,
    &BALANCER_ON,
    &BALANCER_UNKNOWN_TO_SHARD,
    &BALANCER_UNKNOWN_WITHOUT_PRIMARY,
    &CHUNK_MOVING,
    &FINAL_BY_ROUTER,
    &BACKUPS_UNKNOWN,
    &MAJORITY_BEHIND,
    &MAJORITY_UNKNOWN,
];

/// The one of the older term has lost its majority, and steps down once it notices.
pub const SEVERAL_PRIMARIES: Condition = Condition {
    effect: Effect::new(Blocks::Everything, Passes::ByItself).and_finishing(),
    next_step: "the one of the older term steps down once it hears of the newer one, or misses a majority for 10 s: kubectl stateful \
                status {target} --watch; if both stay, see why ({logs}), and save what only the older one has before it \
                follows again",
    example: &[
        ("group", "rs0"),
        ("primaries", "2"),
        (
            "each",
            "mongo-0 elected in term 5, its newest entry 1795302251:7, mongo-1 elected in term 6, its newest entry 1795302260:1",
        ),
        (
            "newest",
            "a majority elected mongo-1 last, so mongo-1 has every write that a majority acknowledged; what another has accepted \
             since is on that one alone, and is rolled back when it follows again",
        ),
        ("logs", "kubectl logs mongo-0{flags}, kubectl logs mongo-1{flags}"),
    ],
    ..SEVERAL_PRIMARIES_OF_ANY
};

/// A member of the set that bears data and is no pod of this workload.
pub const STRANGER: Condition = Condition {
    code: "STF-DB-017",
    effect: Effect::new(Blocks::Everything, Passes::Never).and_finishing(),
    text: "the database lists {who}, which is no pod of this workload",
    next_step: "if it is gone for good, take it out of the set's configuration: rs.remove(\"{who}\")",
    example: &[("who", "mongo-3.mongo:27017")],
};

/// A member is in the middle of work that a restart or a switchover would break off or slow down.
pub const BUSY: Condition = Condition {
    code: "STF-MG-001",
    effect: Effect::new(Blocks::SwitchoverAndItsMember, Passes::ByItself),
    text: "{member} is busy with {what}",
    next_step: "wait for it to end: kubectl stateful status {target} --watch",
    example: &[("member", "mongo-0"), ("what", "an index build")],
};

/// Writes are locked on a member, for a backup of its files: it applies nothing until they are unlocked.
pub const WRITES_LOCKED: Condition = Condition {
    code: "STF-MG-002",
    effect: Effect::new(Blocks::Everything, Passes::ByItself),
    text: "writes are locked on {member} (fsyncLock): it applies nothing until it is unlocked",
    next_step: "let the backup end, or unlock it on that member: db.fsyncUnlock()",
    example: &[("member", "mongo-2")],
};

/// What a member keeps for others to catch up with reaches less far back than a restart may take.
pub const HISTORY_SHORT: Condition = Condition {
    code: "STF-MG-003",
    effect: Effect::new(Blocks::Everything, Passes::Never),
    text: "the oplog of {member} reaches {seconds} s back, the limit is {limit} s: a member away for longer would need a \
           whole copy",
    next_step: "make it larger on that member: db.adminCommand({replSetResizeOplog: 1, size: MEGABYTES, \
                minRetentionHours: {hours}})",
    example: &[("member", "mongo-1"), ("seconds", "42"), ("limit", "300"), ("hours", "1")],
};

/// Members do not agree on the release whose features they use: no member may be given another release meanwhile.
pub const FEATURES_DIFFER: Condition = Condition {
    code: "STF-MG-004",
    effect: Effect::new(Blocks::Everything, Passes::ByFinalize),
    text: "{member} has featureCompatibilityVersion {says}, its primary {primary_says}: they must be the same",
    next_step: "wait until all say the same; if it was broken off, end it: kubectl stateful finalize {target}",
    example: &[("member", "mongo-1"), ("says", "5.0"), ("primary_says", "6.0")],
};

/// The primary is changing from the features of one release to those of another.
pub const FEATURES_CHANGING: Condition = Condition {
    text: "{member} is changing its featureCompatibilityVersion ({says}): that must end first",
    example: &[("member", "mongo-0"), ("says", "5.0 on its way to 6.0")],
    ..FEATURES_DIFFER
};

/// The balancer is on. Turned off by administrators alone. A chunk is given up to its new shard only when a majority of both has
/// it, so that a member that restarts meanwhile loses none of its writes.
pub const BALANCER_ON: Condition = Condition {
    code: "STF-MG-008",
    effect: Effect::new(Blocks::Upgrade, Passes::Never),
    text: "the balancer is on: during an upgrade it would move data between shards that run two releases. These are {part}",
    next_step: "turn it off: mongosh mongodb://MONGOS --eval 'sh.stopBalancer()'; then the config servers first, then one \
                shard after another, each with kubectl stateful upgrade, the mongos last (going back: the other way round), \
                then turn it on again: mongosh mongodb://MONGOS --eval 'sh.startBalancer()'; or, if it may go on meanwhile, \
                --skip-check {code}",
    example: &[("part", "the config servers of a sharded cluster (its shards: shop-a, shop-b)")],
};

/// Whether the balancer is off is not known to a shard's own members.
pub const BALANCER_UNKNOWN_TO_SHARD: Condition = Condition {
    code: "STF-MG-009",
    effect: Effect::new(Blocks::Upgrade, Passes::Never),
    text: "it is not known whether the balancer is off: this is {part}, and only its config servers can tell",
    next_step: "turn it off: mongosh mongodb://MONGOS --eval 'sh.stopBalancer()', and see that it is: mongosh \
                mongodb://MONGOS --eval 'sh.getBalancerState()'; then the config servers first, then one shard after \
                another, each with kubectl stateful upgrade, the mongos last (going back: the other way round), here with \
                --skip-check {code}; then turn it on again: mongosh mongodb://MONGOS --eval 'sh.startBalancer()'",
    example: &[("part", "shard shop-a of a sharded cluster")],
};

/// Config servers without a primary cannot tell either; they elect one by themselves.
pub const BALANCER_UNKNOWN_WITHOUT_PRIMARY: Condition = Condition {
    effect: Effect::new(Blocks::Upgrade, Passes::ByItself),
    text: "it is not known whether the balancer is off: these are {part}, and no primary is there that could tell",
    example: &[("part", "the config servers of a sharded cluster (its shards: none yet)")],
    ..BALANCER_UNKNOWN_TO_SHARD
};

/// A chunk is moving from here to another shard; that ends by itself.
pub const CHUNK_MOVING: Condition = Condition {
    code: "STF-MG-010",
    effect: Effect::new(Blocks::Upgrade, Passes::ByItself),
    text: "a chunk of {of} is on its way to another shard: this is {part}",
    next_step: "wait for it to end: mongosh mongodb://MONGOS --eval 'sh.isBalancerRunning()'",
    example: &[("of", "shop.orders"), ("part", "shard shop-a of a sharded cluster")],
};

/// A release is made final for a whole cluster, through a mongos. A shard that gets the command alone carries it out, and the
/// others do not know.
pub const FINAL_BY_ROUTER: Condition = Condition {
    code: "STF-MG-011",
    effect: Effect::new(Blocks::Finalize, Passes::Never),
    text: "release {release} is made final for a whole cluster at once, through a mongos: this is {part}",
    next_step: "when every part of the cluster runs it, the mongos too: mongosh mongodb://MONGOS --eval \
                'db.adminCommand({setFeatureCompatibilityVersion: \"{release}\"})' (from 7.0 on with confirm: true)",
    example: &[("release", "6.0"), ("part", "shard shop-a of a sharded cluster")],
};

/// Whether a backup runs cannot be seen: the user that the pods refer to may not look.
pub const BACKUPS_UNKNOWN: Condition = Condition {
    code: "STF-MG-012",
    effect: Effect::new(Blocks::Everything, Passes::Never),
    text: "whether a backup runs is not known: the user that the pod of {member} refers to may not read {what}",
    next_step: "let that user look: db.getSiblingDB('admin').grantRolesToUser('USER', ['read']); or, if no backup runs (pbm \
                status), --skip-check {code}",
    example: &[("member", "mongo-0"), ("what", "admin.pbmLock")],
};

/// A majority of the set does not have what its primary wrote: a write that waits for one waits, and what is not with a
/// majority is rolled back when another member leads.
pub const MAJORITY_BEHIND: Condition = Condition {
    code: "STF-MG-013",
    effect: Effect::new(Blocks::Everything, Passes::ByItself),
    text: "a majority of the set lacks what {member} wrote {milliseconds} ms ago, the limit is {limit} ms: writes with \
           w: majority hang",
    next_step: "see which members are behind, and wait for them: kubectl stateful status {target} --watch",
    example: &[("member", "mongo-0"), ("milliseconds", "1042"), ("limit", "1000")],
};

/// The primary does not say how far a majority is.
pub const MAJORITY_UNKNOWN: Condition = Condition {
    text: "{member} does not say how much of what it wrote is with a majority of its set",
    example: &[("member", "mongo-0")],
    ..MAJORITY_BEHIND
};
