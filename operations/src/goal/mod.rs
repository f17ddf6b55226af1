//! What an operation is to achieve. A goal is a state, not a list of changes: `resume` compares it with the present state.

mod origin;
pub(crate) mod surge;
pub(crate) mod temporary_sync;

pub use origin::Origin;
use serde::{Deserialize, Serialize};
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_safety::{Member, Version};

use crate::Snapshot;

/// What is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Goal {
    /// Every member runs what the template declares, after this change of it if there is one.
    #[serde(rename = "renew")]
    Upgrade {
        /// The change; without one the template is taken as it stands.
        change: Option<TemplateChange>,
        /// Whether the primaries at the beginning are the primaries again at the end.
        restore_primaries: bool,
        /// Whether a member that is broken already is replaced first, rather than a reason to refuse.
        repair: bool,
        /// Whether there is an extra replica for the duration.
        #[serde(default)]
        surge: Surge,
    },
    /// No member is on that node any more.
    #[serde(rename = "leave")]
    EvacuateNode {
        /// The node.
        node: String,
    },
    /// The data uses the features of that release, which every member runs.
    Finalize {
        /// The release.
        release: Version,
    },
    /// That member is the primary of its group.
    #[serde(rename = "lead")]
    Switchover {
        /// The member.
        member: String,
    },
}

/// Whether there is one member more than declared while others are away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Surge {
    /// No extra replica.
    #[default]
    No,
    /// One is added before any member is replaced, and removed at the end.
    Add,
    /// None is added, and the one that an earlier operation has added is removed.
    Withdraw,
}

impl Goal {
    /// Whether a member's pod does not meet the goal yet, so that another has to take its place.
    pub(crate) fn needs_replacing(&self, snapshot: &Snapshot, member: &Member) -> bool {
        match self {
            Self::Upgrade { .. } => !snapshot.workload.is_current(member),
            Self::EvacuateNode { node } => member.node.as_ref() == Some(node),
            Self::Switchover { .. } | Self::Finalize { .. } => false,
        }
    }
}

impl std::fmt::Display for Goal {
    /// What an operation towards it is called: `an upgrade`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Upgrade { .. } => f.write_str("an upgrade"),
            Self::EvacuateNode { node } => write!(f, "a drain of {node}"),
            Self::Finalize { .. } => f.write_str("a finalize"),
            Self::Switchover { .. } => f.write_str("a switchover"),
        }
    }
}
