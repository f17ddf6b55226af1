//! What is constant about MongoDB.

use stateful_safety::{Advice, EngineProfile, Moves, ReleaseRules};

/// MongoDB: a replica set, by itself or as a part of a sharded cluster.
pub static PROFILE: EngineProfile = EngineProfile {
    words: &["mongodb", "mongo"],
    // Official, Bitnami's two charts', MongoDB's own (Community and Enterprise), Percona.
    images: &[
        "mongo",
        "mongodb",
        "mongodb-sharded",
        "mongodb-community-server",
        "mongodb-enterprise-server",
        "percona-server-mongodb",
    ],
    monitor_word: None,
    default_port: 27_017,
    releases: ReleaseRules {
        // Manual, "MongoDB Versioning".
        numbers: |_| 2,
        // Manual, "Upgrade a Replica Set" of each release.
        line: Some(&[[3, 6], [4, 0], [4, 2], [4, 4], [5, 0], [6, 0], [7, 0], [8, 0]]),
        rolls_across: true,
        across_advice: "",
        features_setting: "featureCompatibilityVersion",
    },
    joins_only_after: Some("it must be taken into the set's configuration (rs.add)"),
    // Where no member leads, the members elect one by themselves.
    finishes_switchovers: false,
    moves: Moves::ByGroup,
    advice: Advice {
        write_quorum_settings: "the clients' write concern, or setDefaultRWConcern",
        end_temporary_sync: None,
        persistence: Some(("its storage engine keeps data in memory", "storage.engine: wiredTiger")),
        // Manual, "Restore a Replica Set from MongoDB Backups".
        forget_database: "start one without --replSet, where no client reaches it, and drop the database \"local\", which \
                          says that it is a member of {old}; then begin a new set of it alone (rs.initiate)",
    },
};
