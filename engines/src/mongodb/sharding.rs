//! Which part of a sharded cluster a replica set is, and what that means for an upgrade: the balancer may move data between the
//! cluster's shards meanwhile. The order is the manual's, "Upgrade a Sharded Cluster".

use stateful_safety::Blocker;

use super::conditions::{
    BALANCER_ON, BALANCER_UNKNOWN_TO_SHARD, BALANCER_UNKNOWN_WITHOUT_PRIMARY, CHUNK_MOVING, FINAL_BY_ROUTER,
};

/// Which part of a sharded cluster a replica set is, and whether the cluster moves data by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharding {
    /// Which part it is.
    pub part: Part,
    /// Whether the cluster moves data between its shards.
    pub balancer: Balancer,
    /// The collections of which a chunk is moving from here to another shard.
    pub leaving: Vec<String>,
}

/// A part of a sharded cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The servers that keep the cluster's metadata.
    ConfigServers {
        /// The shards they know, by name.
        shards: Vec<String>,
    },
    /// One of the sets that keep the data.
    Shard {
        /// Its name in the cluster, where it is known.
        name: Option<String>,
    },
}

/// Whether a cluster moves data between its shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balancer {
    /// The balancer is on, as in every cluster where it was not turned off.
    On,
    /// The balancer is turned off.
    Off,
    /// No server that was asked knows: only the primary of the config servers does.
    Unknown,
}

impl Sharding {
    /// What stands in the way of an upgrade of this part, and of making `release` final.
    pub fn blockers(&self, release: &str) -> Vec<Blocker> {
        let leaving = self.leaving.iter().map(|of| CHUNK_MOVING.found(&[("part", &self.part), ("of", of)]));
        let unknown = match self.part {
            Part::Shard { .. } => BALANCER_UNKNOWN_TO_SHARD,
            Part::ConfigServers { .. } => BALANCER_UNKNOWN_WITHOUT_PRIMARY,
        };
        let balancer = match self.balancer {
            Balancer::Off => None,
            Balancer::On => Some(BALANCER_ON.found(&[("part", &self.part)])),
            Balancer::Unknown => Some(unknown.found(&[("part", &self.part)])),
        };
        let finalize = FINAL_BY_ROUTER.found(&[("part", &self.part), ("release", &release)]);
        leaving.chain(balancer).chain([finalize]).collect()
    }

    /// What the administrator should know before an upgrade that may be done.
    pub fn note(&self) -> String {
        format!(
            "this is {}, and only this part is upgraded: the config servers first, then one shard after another, each with \
             kubectl stateful upgrade, the mongos last (going back: the other way round), the balancer off all the while. \
             This tool does not keep that order for you, and no cluster with a mongos was at hand to try it",
            self.part
        )
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ConfigServers { shards } => {
                let shards = if shards.is_empty() { "none yet".to_owned() } else { shards.join(", ") };
                write!(f, "the config servers of a sharded cluster (its shards: {shards})")
            }
            Self::Shard { name: Some(name) } => write!(f, "shard {name} of a sharded cluster"),
            Self::Shard { name: None } => f.write_str("a shard of a sharded cluster"),
        }
    }
}

impl std::fmt::Display for Sharding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let balancer = match self.balancer {
            Balancer::On => "balancer on",
            Balancer::Off => "balancer off",
            Balancer::Unknown => "balancer not known",
        };
        write!(f, "{}, {balancer}", self.part)
    }
}
