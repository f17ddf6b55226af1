//! A database as its own servers describe it, in words that fit every engine.

use serde::{Deserialize, Serialize};

use super::Millis;
use super::blocker::{Blocker, Blocks};
use super::engine_profile::EngineProfile;
use super::sync_replication::SyncReplication;
use super::version::Version;

/// What an engine adapter reports about a workload at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assessment {
    /// When the servers were asked.
    pub taken_at: Millis,
    /// How the members are organised, in the engine's words: `primary and replicas`, `cluster of 3`.
    pub topology: String,
    /// Replica groups: members that hold copies of the same data, one group for a database that is replicated as a whole, one
    /// for each shard of a sharded one. A member may be in several groups.
    pub groups: Vec<ReplicaGroup>,
    /// Bodies that must keep a majority for the database to elect a primary at all.
    pub quorums: Vec<Quorum>,
    /// Conditions under which nothing may be moved, each with its name.
    pub blockers: Vec<Blocker>,
    /// The release whose features the data makes use of, where the engine keeps that apart from the servers' own version
    /// ([`features_setting`](super::ReleaseRules::features_setting)): no server of an older release opens it.
    #[serde(default)]
    pub feature_release: Option<Version>,
    /// What an operation may change, or has changed for its duration, about whom commits wait for.
    #[serde(default)]
    pub synchrony: SyncReplication,
    /// What the administrator of an upgrade should know although nothing stands in its way.
    pub upgrade_notes: Vec<String>,
    /// What its administrator should know whatever is done, although nothing stands in its way.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl Assessment {
    /// What stands in the way of taking a member or of moving the lead, whatever for.
    pub fn blockers_of_moves(&self) -> impl Iterator<Item = &Blocker> {
        self.blockers.iter().filter(|blocker| match blocker.effect.blocks {
            Blocks::Everything | Blocks::Switchover | Blocks::SwitchoverAndItsMember | Blocks::AllButItsMember => true,
            Blocks::Upgrade | Blocks::Finalize => false,
        })
    }

    /// What stands in the way of an upgrade, or of making a release final, and of nothing else.
    pub fn blockers_of(&self, blocks: Blocks) -> impl Iterator<Item = &Blocker> {
        self.blockers.iter().filter(move |blocker| blocker.effect.blocks == blocks)
    }

    /// The group a member belongs to.
    pub fn group_of(&self, member: &str) -> Option<&ReplicaGroup> {
        self.groups.iter().find(|group| group.member(member).is_some())
    }

    /// Whether a server of one version can open what a server of another has written: no older release can, unless the
    /// data still makes use of none but its features.
    pub fn can_open(&self, version: &Version, written_by: &Version, engine: &EngineProfile) -> bool {
        let is_older_than = |other: &Version| version.is_older_release_than(other, engine);
        !is_older_than(written_by) || self.feature_release.as_ref().is_some_and(|features| !is_older_than(features))
    }

    /// What is known about a member.
    pub fn member(&self, member: &str) -> Option<&MemberState> {
        self.groups.iter().find_map(|group| group.member(member))
    }
}

/// Members that hold copies of the same data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaGroup {
    /// A name people recognise: `slots 0-5460`, `rs0`, `main`.
    pub name: String,
    /// The copies.
    pub members: Vec<MemberState>,
    /// How many members in sync, the primary included, a write needs before it is acknowledged.
    pub write_quorum: usize,
}

impl ReplicaGroup {
    /// The member that takes the writes, if exactly one says it does. Two would be two writers: that is no primary.
    pub fn primary(&self) -> Option<&MemberState> {
        let mut primaries = self.members.iter().filter(|member| member.role == Role::Primary);
        match (primaries.next(), primaries.next()) {
            (Some(only), None) => Some(only),
            _ => None,
        }
    }

    /// The member of that name.
    pub fn member(&self, name: &str) -> Option<&MemberState> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Whether it ought to have a primary and has none. Equals need none.
    pub fn lacks_primary(&self) -> bool {
        self.primary().is_none() && !self.members.iter().all(|member| member.role == Role::Peer)
    }
}

/// One copy of a group's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// The pod's name.
    pub name: String,
    /// What it does in its group.
    pub role: Role,
    /// Whether it has what the primary has.
    pub sync: Sync,
    /// For a replica: seconds since its primary last heard from it how far it has come, where the engine tells.
    #[serde(default)]
    pub lag_seconds: Option<u64>,
    /// The version its server gave.
    pub version: Option<Version>,
    /// Whether its server writes to disk at all.
    pub persists: bool,
    /// Its data directory, where the server says that it is on no volume that outlives the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_directory: Option<String>,
    /// How much the database's own configuration wants it to lead: 0 is never. One that is wanted more than the present
    /// primary takes the lead by itself sooner or later. In thousandths of the engine's unit.
    #[serde(default = "no_preference")]
    pub priority: u32,
    /// Whether a write may count on it: whether it is one of the members of which a group needs so many
    /// ([`write_quorum`](ReplicaGroup::write_quorum)). One that has no vote, or is behind on purpose, is none of them.
    #[serde(default = "confirms_writes")]
    pub confirms_writes: bool,
}

impl MemberState {
    /// The priority of every member of an engine that has no such setting, and the default of those that have one.
    pub const NO_PREFERENCE: u32 = 1_000;

    /// Whether it may lead at all.
    pub const fn is_electable(&self) -> bool {
        self.priority > 0
    }

    /// Whether it is one of the members in sync that a write needs.
    pub fn counts_for_writes(&self) -> bool {
        self.confirms_writes && self.sync.is_streaming()
    }
}

const fn no_preference() -> u32 {
    MemberState::NO_PREFERENCE
}

/// Every member of an engine that knows no others.
const fn confirms_writes() -> bool {
    true
}

/// What a member does in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Takes the writes.
    Primary,
    /// Follows the primary.
    Replica,
    /// One of equals: takes writes as all others do; no member leads.
    Peer,
    /// It did not say.
    Unknown,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Replica => "replica",
            Self::Peer => "peer",
            Self::Unknown => "unknown",
        })
    }
}

/// Whether a member has what its primary has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sync {
    /// Streaming from the primary (or being it), this many bytes behind.
    InSync {
        /// Bytes of the primary's replication stream it has not confirmed.
        lag_bytes: u64,
    },
    /// Answering, but not streaming: loading, copying everything anew, link down.
    Behind {
        /// Why, in the engine's words.
        why: String,
    },
    /// It did not answer.
    Unreachable {
        /// Why, in the driver's words.
        why: String,
    },
}

impl Sync {
    /// Whether it streams, whatever its lag.
    pub fn is_streaming(&self) -> bool {
        matches!(self, Self::InSync { .. })
    }
}

/// Voters of which a majority must stay up for an election, or replicas of which a number must confirm a commit where not every
/// replica is one of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// What they are, for people: `voting members of the set`.
    pub voters_are: String,
    /// The members that vote and answer.
    pub live: Vec<String>,
    /// How many of them an election, or a commit, needs.
    pub needed: usize,
}
