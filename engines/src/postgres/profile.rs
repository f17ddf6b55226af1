//! What is constant about PostgreSQL.

use stateful_safety::{Advice, EngineProfile, Moves, ReleaseRules, Version};

use crate::role_at_start::RoleWords;

/// PostgreSQL: a primary and its streaming standbys.
pub static PROFILE: EngineProfile = EngineProfile {
    words: &["postgres", "postgresql", "pg"],
    // Official and CloudNativePG, Bitnami, extensions with the server in them, Zalando's by release, Crunchy's.
    images: &[
        "postgres",
        "postgresql",
        "postgresql-repmgr",
        "postgis",
        "pgvector",
        "timescaledb",
        "timescaledb-ha",
        "spilo",
        "spilo-14",
        "spilo-15",
        "spilo-16",
        "spilo-17",
        "spilo-18",
        "crunchy-postgres",
        "crunchy-postgres-gis",
        "patroni",
    ],
    monitor_word: None,
    default_port: 5432,
    releases: ReleaseRules {
        numbers: release_numbers,
        line: None,
        // The log it streams and the files it is applied to are those of one release (manual, "Log-Shipping Standby
        // Servers", Planning).
        rolls_across: false,
        across_advice: "stay within the release (its minors go either way); to another one either offline, pg_upgrade with \
                        all members stopped and the standbys copied anew, or a second database of that release beside this \
                        one, fed by logical replication: wal_level = logical, a primary key or REPLICA IDENTITY on every \
                        table, schema and sequences carried over by hand, then clients moved",
        features_setting: "",
    },
    // A new member copies the primary, as every member has (images and operators do so); no other member need know of it.
    joins_only_after: None,
    // The old primary is fenced before it is stopped: a switchover that breaks off then leaves two standbys, and `decide` tells
    // which of them has everything.
    finishes_switchovers: true,
    moves: Moves::ByGroup,
    advice: Advice {
        write_quorum_settings: "synchronous_standby_names",
        end_temporary_sync: Some("ALTER SYSTEM RESET synchronous_standby_names; SELECT pg_reload_conf()"),
        persistence: None,
        // Manual, "Log-Shipping Standby Servers".
        forget_database: "remove standby.signal from it, if it is there; else the server follows {old} and has what {old} \
                          has",
    },
};

/// What a member is, is in its data directory (`standby.signal`, before 12 `recovery.conf`) and in its settings: what touches these,
/// copies a data directory or removes it may change the role.
pub(super) const ROLE_WORDS: RoleWords = RoleWords {
    lines: &[
        &["standby.signal"],
        &["recovery.conf"],
        &["primary_conninfo"],
        &["pg_basebackup"],
        &["pg_rewind"],
        &["pg_ctl", "promote"],
        &["pg_promote"],
        &["rm ", "pgdata"],
    ],
    // Its start removes standby.signal unless its own variables say that the member is a replica.
    forgetful_images: &[("bitnami", "postgresql", "removes standby.signal at every start")],
};

/// One number since 10, two before (its site's "Versioning Policy").
fn release_numbers(version: &Version) -> usize {
    if version.first().is_some_and(|first| first >= 10) { 1 } else { 2 }
}
