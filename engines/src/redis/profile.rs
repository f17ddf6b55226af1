//! What is constant about Redis and Valkey.

use stateful_safety::{Advice, EngineProfile, Moves, ReleaseRules};

use crate::role_at_start::RoleWords;

/// Redis or Valkey: Redis Cluster, Sentinel-managed, or a plain primary and replicas.
pub static PROFILE: EngineProfile = EngineProfile {
    words: &["redis", "valkey"],
    images: &["redis", "redis-cluster", "redis-stack-server", "valkey", "valkey-cluster"],
    monitor_word: Some("sentinel"),
    default_port: 6379,
    releases: ReleaseRules {
        // The format of its files changes with the second number (`RDB_VERSION`).
        numbers: |_| 2,
        line: None,
        rolls_across: true,
        across_advice: "",
        features_setting: "",
    },
    joins_only_after: Some(
        "it must be told which primary it follows (CLUSTER MEET and CLUSTER REPLICATE, or REPLICAOF)",
    ),
    // The servers end a failover they have begun, and refuse a second one until then.
    finishes_switchovers: false,
    moves: Moves::ByGroup,
    advice: Advice {
        write_quorum_settings: "min-replicas-to-write",
        end_temporary_sync: None,
        persistence: Some((
            "no append-only file, no snapshots",
            "appendonly yes in the configuration that it starts with, and until then redis-cli CONFIG SET appendonly yes",
        )),
        // Redis Cluster specification, "Nodes have to be known".
        forget_database: "remove nodes.conf from it, if it is there; else it joins {old} again. A cluster in shards takes one \
                          such volume a shard, and each shard its slots",
    },
};

/// Without Sentinels a server's configuration file says which primary it follows, unless its command line does.
pub(super) const ROLE_WORDS: RoleWords = RoleWords { lines: &[&["replicaof"], &["slaveof"]], forgetful_images: &[] };
