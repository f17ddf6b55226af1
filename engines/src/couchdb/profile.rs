//! What is constant about CouchDB.

use stateful_safety::{Advice, EngineProfile, Moves, ReleaseRules};

/// CouchDB: a cluster of equals.
pub static PROFILE: EngineProfile = EngineProfile {
    words: &["couchdb", "couch"],
    // Official (also as apache/couchdb), Bitnami's of before 2024.
    images: &["couchdb"],
    monitor_word: None,
    default_port: 5984,
    releases: ReleaseRules {
        // The manual promises a way back for single features alone ("Base Configuration", `write_xxhash_checksums`), never for
        // a release.
        numbers: |_| 2,
        // 2.x and 3.x run beside each other (manual, "Cluster upgrades").
        line: None,
        rolls_across: true,
        across_advice: "",
        features_setting: "",
    },
    joins_only_after: Some("it must be let into the cluster (PUT /_node/_local/_nodes/NODE), and would hold no shard"),
    // No member leads, so there is no switchover.
    finishes_switchovers: false,
    moves: Moves::ByMember,
    advice: Advice {
        write_quorum_settings: "w of the clients' requests",
        end_temporary_sync: None,
        persistence: None,
        forget_database: "one such volume for each node, and none of them may reach a node of {old}: each has only the shards \
                          that were on it",
    },
};
