//! Which database a workload runs, and by what marks one recognises it.

use serde::{Deserialize, Serialize};

use crate::Version;

/// A database engine this tool knows how to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// Redis or Valkey: Redis Cluster, Sentinel-managed, or plain primary and replicas.
    Redis,
    /// PostgreSQL: a primary and its streaming standbys.
    Postgres,
    /// MongoDB: a replica set.
    Mongodb,
    /// CouchDB: a cluster of equals.
    Couchdb,
}

impl EngineKind {
    /// Every engine, in the order detection tries them.
    pub const ALL: &'static [Self] = &[Self::Redis, Self::Postgres, Self::Mongodb, Self::Couchdb];

    /// The words a user may type for it, the first being its name.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Redis => &["redis", "valkey"],
            Self::Postgres => &["postgres", "postgresql", "pg"],
            Self::Mongodb => &["mongodb", "mongo"],
            Self::Couchdb => &["couchdb", "couch"],
        }
    }

    /// Its name, as printed and as written in the `kubectl-stateful.dev/engine` annotation.
    pub const fn name(self) -> &'static str {
        self.words()[0]
    }

    /// The port its server listens on unless told otherwise.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Redis => 6379,
            Self::Postgres => 5432,
            Self::Mongodb => 27_017,
            Self::Couchdb => 5984,
        }
    }

    /// How many of a version's numbers name its release; those that follow count what was mended in it. Patches of one
    /// release read each other's files.
    ///
    /// Redis: two, the format of its files changes with the second (`RDB_VERSION`). PostgreSQL: one since 10, two before
    /// (its site's "Versioning Policy"). MongoDB: two (manual, "MongoDB Versioning"). CouchDB: two; its
    /// manual promises a way back for single features alone ("Base Configuration", `write_xxhash_checksums`), never for a release.
    pub fn release_numbers(self, version: &Version) -> usize {
        match self {
            Self::Redis | Self::Mongodb | Self::Couchdb => 2,
            Self::Postgres => {
                if version.first().is_some_and(|first| first >= 10) {
                    1
                } else {
                    2
                }
            }
        }
    }

    /// Its releases in their order, where a database has to be moved through each of them; none where any newer one will
    /// do. MongoDB: manual, "Upgrade a Replica Set" of each release. CouchDB: 2.x and 3.x run beside each other (manual, "Cluster
    /// upgrades").
    pub const fn release_line(self) -> Option<&'static [[u32; 2]]> {
        match self {
            Self::Redis | Self::Postgres | Self::Couchdb => None,
            Self::Mongodb => Some(&[[3, 6], [4, 0], [4, 2], [4, 4], [5, 0], [6, 0], [7, 0], [8, 0]]),
        }
    }

    /// Whether members of two releases replicate with each other, the newer one following the older, so that a database
    /// moves to a newer release member by member. Not PostgreSQL: the log it streams and the files it is applied to are
    /// those of one release (manual, "Log-Shipping Standby Servers", Planning).
    pub const fn rolls_across_releases(self) -> bool {
        match self {
            Self::Redis | Self::Mongodb | Self::Couchdb => true,
            Self::Postgres => false,
        }
    }

    /// What is missing where a StatefulSet is given a pod more; none where it joins the database by itself. PostgreSQL: it
    /// copies the primary, as every member has (images and operators do so), and nobody else need know of it.
    pub const fn joins_only_after(self) -> Option<&'static str> {
        match self {
            Self::Postgres => None,
            Self::Redis => Some("it must be told whom it follows (CLUSTER MEET and CLUSTER REPLICATE, or REPLICAOF)"),
            Self::Mongodb => Some("it must be taken into the set's configuration (rs.add)"),
            Self::Couchdb => {
                Some("it must be let into the cluster (PUT /_node/_local/_nodes/NODE), and would hold no shard")
            }
        }
    }

    /// Last path elements of images that run this engine's server.
    pub const fn images(self) -> &'static [&'static str] {
        match self {
            Self::Redis => &["redis", "redis-cluster", "redis-stack-server", "valkey", "valkey-cluster"],
            // Official and CloudNativePG, Bitnami, extensions with the server in them, Zalando's by release, Crunchy's.
            Self::Postgres => &[
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
            // Official, Bitnami's two charts', MongoDB's own (Community and Enterprise), Percona.
            Self::Mongodb => &[
                "mongo",
                "mongodb",
                "mongodb-sharded",
                "mongodb-community-server",
                "mongodb-enterprise-server",
                "percona-server-mongodb",
            ],
            // Official (also as apache/couchdb), Bitnami's of before 2024.
            Self::Couchdb => &["couchdb"],
        }
    }

    /// The engine a user's word means, if it means one.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        Self::ALL.iter().copied().find(|kind| kind.words().contains(&word.as_str()))
    }

    /// The engine an image runs, judged by the last element of its path alone, so that
    /// `registry:5000/team/redis:7.0` is Redis and `team/redis-exporter:1` is not.
    pub fn from_image(image: &str) -> Option<Self> {
        let name = image.rsplit('/').next()?.split(['@', ':']).next()?;
        Self::ALL.iter().copied().find(|kind| kind.images().contains(&name))
    }
}

impl std::fmt::Display for EngineKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::EngineKind;

    #[test]
    fn an_exporter_is_not_the_database_it_watches() {
        assert_eq!(EngineKind::from_image("oliver006/redis_exporter:v1"), None);
        assert_eq!(EngineKind::from_image("registry:5000/team/redis:7.0"), Some(EngineKind::Redis));
        assert_eq!(EngineKind::from_image("valkey/valkey@sha256:00"), Some(EngineKind::Redis));
        assert_eq!(EngineKind::from_image("quay.io/prometheuscommunity/postgres-exporter:v0.15"), None);
        assert_eq!(EngineKind::from_image("ghcr.io/cloudnative-pg/postgresql:17.2"), Some(EngineKind::Postgres));
        assert_eq!(EngineKind::from_image("postgis/postgis:16-3.4"), Some(EngineKind::Postgres));
    }

    #[test]
    fn a_word_means_its_engine_whatever_its_case() {
        assert_eq!(EngineKind::from_word("Redis"), Some(EngineKind::Redis));
        assert_eq!(EngineKind::from_word("PG"), Some(EngineKind::Postgres));
        assert_eq!(EngineKind::from_word("oracle"), None);
    }
}
