//! Conditions of a cluster of equals under which nobody may be taken from it, each with its code, its words and its next
//! step. Today these are CouchDB's; the sections named are those of its manual (docs.couchdb.org, 3.x).

use serde::{Deserialize, Serialize};

/// What is not settled in a cluster whose members are equals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Unsettled {
    /// A node tells load balancers to lead nobody to it (`nolb`), or takes part in no clustered request (`true`): "Base
    /// Configuration", `maintenance_mode`.
    MaintenanceMode {
        /// The member.
        member: String,
        /// The mode.
        mode: String,
    },
    /// A node is connected to a member and no part of the cluster: `/_membership`.
    NotJoined {
        /// The member that sees it.
        member: String,
        /// The node.
        node: String,
    },
    /// A node still has changes to bring to other copies: "Shard Management", "Monitor internal replication".
    CatchingUp {
        /// The member.
        member: String,
        /// How many jobs of internal replication it has.
        jobs: u64,
    },
    /// A shard has fewer copies on members of this workload than its database is to have.
    ShardShort {
        /// The database and the range.
        shard: String,
        /// Copies on members.
        copies: usize,
        /// Copies there are to be: the database's `n`.
        wanted: usize,
    },
    /// Shards are being split: `/_reshard`.
    Resharding {
        /// The member that says so.
        member: String,
        /// How many jobs run.
        jobs: u64,
    },
}

impl Unsettled {
    /// The stable code, by which a check is searched for and counted.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MaintenanceMode { .. } => "STF-CD-001",
            Self::NotJoined { .. } => "STF-CD-002",
            Self::CatchingUp { .. } => "STF-CD-003",
            Self::ShardShort { .. } => "STF-CD-004",
            Self::Resharding { .. } => "STF-CD-005",
        }
    }

    /// Whether waiting may help: the database can get there by itself within a step's deadline.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::MaintenanceMode { .. }
            | Self::NotJoined { .. }
            | Self::CatchingUp { .. }
            | Self::Resharding { .. } => true,
            // Copies are put somewhere by people alone ("Moving a shard").
            Self::ShardShort { .. } => false,
        }
    }

    /// The next thing to do, as a sentence or a command to type. `target` is the workload as the user names it, with its
    /// namespace flag.
    pub fn next_step(&self, target: &str) -> String {
        match self {
            Self::MaintenanceMode { member, .. } => {
                let flags = target.find(' ').map_or("", |at| &target[at..]);
                format!(
                    "if an operation of this tool was broken off there: kubectl stateful resume {target} (or abort); else by \
                     whoever set it, or by hand: kubectl exec {member}{flags} -- sh -c 'curl -u \
                     \"$COUCHDB_USER:$COUCHDB_PASSWORD\" -X PUT -d \"\\\"false\\\"\" \
                     localhost:5984/_node/_local/_config/couchdb/maintenance_mode'"
                )
            }
            Self::NotJoined { node, .. } => format!(
                "let it join (on a member: PUT /_node/_local/_nodes/{node}), or stop it; it may be given copies meanwhile"
            ),
            Self::CatchingUp { .. } => format!("wait for it to end: kubectl stateful status {target} --watch"),
            Self::ShardShort { .. } => "add the copy that is missing (CouchDB's manual, \"Moving a shard\"), then POST \
                                        /DATABASE/_sync_shards"
                .to_owned(),
            Self::Resharding { .. } => {
                "let it end (GET /_reshard/jobs), or stop it for the duration: PUT /_reshard/state {\"state\": \"stopped\"}"
                    .to_owned()
            }
        }
    }
}

impl std::fmt::Display for Unsettled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MaintenanceMode { member, mode } if mode == "nolb" => {
                write!(f, "{member} is in maintenance mode (nolb): load balancers are to lead nobody to it")
            }
            Self::MaintenanceMode { member, mode } => {
                write!(f, "{member} is in maintenance mode ({mode}): it takes part in no clustered request")
            }
            Self::NotJoined { member, node } => {
                write!(f, "{node} is connected to {member} (all_nodes) and no part of the cluster (cluster_nodes)")
            }
            Self::CatchingUp { member, jobs } => write!(
                f,
                "{member} has {jobs} jobs of internal replication to do, the limit is 0: other copies may lack changes"
            ),
            Self::ShardShort { shard, copies, wanted } => {
                write!(f, "shard {shard} has copies on {copies} members, its database is to have {wanted}")
            }
            Self::Resharding { member, jobs } => write!(f, "shards are being split: {jobs} jobs run, says {member}"),
        }
    }
}
