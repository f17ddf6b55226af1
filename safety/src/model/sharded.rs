//! What a database is of a sharded cluster, and why nothing may come next in one: moved is not one set but a part of something
//! that balances itself meanwhile. The order is of the manual, "Upgrade a Sharded Cluster".

use serde::{Deserialize, Serialize};

/// What a replica set is of a sharded cluster, and what its cluster does by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sharding {
    /// Which part it is.
    pub part: Part,
    /// Whether the cluster moves data between its shards.
    pub balancer: Balancer,
    /// The collections of which a chunk is on its way from here to another shard, by whoever's order.
    pub leaving: Vec<String>,
}

/// A part of a sharded cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// The servers that keep what the cluster is.
    ConfigServers {
        /// The shards they know, by name.
        shards: Vec<String>,
    },
    /// One of those that keep the data.
    Shard {
        /// Its name in the cluster, where it told.
        name: Option<String>,
    },
}

/// Whether a cluster moves data between its shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Balancer {
    /// It does whenever it finds reason to: so is every cluster that was not told otherwise.
    On,
    /// It was told not to.
    Off,
    /// Nobody who was asked knows: the config servers alone do, and of them the one that leads.
    Unknown,
}

impl Sharding {
    /// What a database that is about to be brought to another template meets with in its cluster.
    pub fn against_renewal(&self) -> Vec<Sharded> {
        let part = || self.part.clone();
        let balancer = match self.balancer {
            Balancer::Off => None,
            Balancer::On => Some(Sharded::BalancerOn { part: part() }),
            Balancer::Unknown => Some(Sharded::BalancerUnknown { part: part() }),
        };
        let leaving = self.leaving.iter().map(|of| Sharded::ChunkMoving { part: part(), of: of.clone() });
        leaving.chain(balancer).collect()
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

/// Why nothing may come next in a sharded cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sharded {
    /// Its balancer is on.
    BalancerOn {
        /// What this database is of it.
        part: Part,
    },
    /// Whether it is, nobody who was asked knows.
    BalancerUnknown {
        /// What this database is of it.
        part: Part,
    },
    /// A chunk is on its way from here to another shard.
    ChunkMoving {
        /// What this database is of it.
        part: Part,
        /// The collection.
        of: String,
    },
    /// A release is made final for a whole cluster, through a mongos. A shard that is told alone obeys, and the others do not
    /// know.
    FinalByRouter {
        /// What this database is of it.
        part: Part,
        /// The release.
        release: String,
    },
}

/// In which order the parts of a cluster are brought to another release.
const ORDER: &str = "the config servers first, then one shard after another, each with kubectl stateful upgrade, the mongos \
                     last (going back: the other way round)";

impl Sharded {
    /// The stable code, by which a check is skipped, searched for and counted.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BalancerOn { .. } => "STF-MG-008",
            Self::BalancerUnknown { .. } => "STF-MG-009",
            Self::ChunkMoving { .. } => "STF-MG-010",
            Self::FinalByRouter { .. } => "STF-MG-011",
        }
    }

    /// Whether waiting may help: a chunk arrives by itself, and config servers that lead nobody elect somebody who can tell.
    /// The balancer is turned off by people alone.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::ChunkMoving { .. } | Self::BalancerUnknown { part: Part::ConfigServers { .. } })
    }

    /// Whether it may be accepted for one run. A chunk is given up to its new shard only when a majority of both has it, so a
    /// member that restarts meanwhile loses none of its writes; and a shard's own members cannot tell, so that somebody else
    /// has to. Two releases of data in one cluster are nobody's to accept.
    pub const fn may_be_accepted(&self) -> bool {
        matches!(self, Self::BalancerOn { .. } | Self::BalancerUnknown { .. })
    }

    /// The next thing to do.
    pub fn next_step(&self) -> String {
        let stop = "mongosh mongodb://MONGOS --eval 'sh.stopBalancer()'";
        let start = "mongosh mongodb://MONGOS --eval 'sh.startBalancer()'";
        match self {
            Self::BalancerOn { .. } => format!(
                "turn it off: {stop}; then {ORDER}, then turn it on again: {start}; or, if it may go on meanwhile, \
                 --skip-check {}",
                self.code()
            ),
            Self::BalancerUnknown { .. } => format!(
                "turn it off: {stop}, and see that it is: mongosh mongodb://MONGOS --eval 'sh.getBalancerState()'; then \
                 {ORDER}, here with --skip-check {}; then turn it on again: {start}",
                self.code()
            ),
            Self::ChunkMoving { .. } => {
                "wait for it to end: mongosh mongodb://MONGOS --eval 'sh.isBalancerRunning()'".to_owned()
            }
            Self::FinalByRouter { release, .. } => format!(
                "when every part of the cluster runs it, the mongos too: mongosh mongodb://MONGOS --eval \
                 'db.adminCommand({{setFeatureCompatibilityVersion: \"{release}\"}})' (from 7.0 on with confirm: true)"
            ),
        }
    }

    /// What somebody should know who brings a part of a cluster to another template, although it may be done.
    pub fn note(sharding: &Sharding) -> String {
        format!(
            "this is {}, and no more than that is moved: {ORDER}, the balancer off all the while. Nobody here keeps to that \
             order but you, and no cluster with a mongos was at hand to try it",
            sharding.part
        )
    }
}

impl std::fmt::Display for Sharded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BalancerOn { part } => {
                write!(f, "the balancer is on, and would move data between shards of two releases: these are {part}")
            }
            Self::BalancerUnknown { part: part @ Part::Shard { .. } } => {
                write!(
                    f,
                    "whether the balancer is off is not known: this is {part}, and its config servers alone can tell"
                )
            }
            Self::BalancerUnknown { part } => {
                write!(f, "whether the balancer is off is not known: these are {part}, and nobody leads who could tell")
            }
            Self::ChunkMoving { part, of } => {
                write!(f, "a chunk of {of} is on its way to another shard: this is {part}")
            }
            Self::FinalByRouter { part, release } => {
                write!(
                    f,
                    "release {release} is made final for a whole cluster at once, through a mongos: this is {part}"
                )
            }
        }
    }
}
