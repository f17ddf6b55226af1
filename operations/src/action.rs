//! What operations change: the vocabulary of the port between operations and everything outside them ([`crate::World`]).

use stateful_cluster::changes::rollout::TemplateChange;
use stateful_safety::{Rollout, Version};

/// One change. Making it twice does no harm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Set the StatefulSet's update strategy to `OnDelete`.
    HoldRollout,
    /// Patch the template.
    ChangeTemplate(TemplateChange),
    /// Let the engine make commits wait for a standby.
    BeginTemporarySync,
    /// Declare so many members, one more than there are.
    AddMember {
        /// The number.
        replicas: usize,
    },
    /// Evict the pod of that name and UID.
    Evict {
        /// The pod.
        member: String,
        /// Its UID.
        uid: String,
    },
    /// Let the engine switch over.
    SwitchOver {
        /// The primary.
        from: String,
        /// Its successor.
        to: String,
    },
    /// Point Services at a member.
    RouteClients {
        /// The Services.
        services: Vec<String>,
        /// The member.
        to: String,
    },
    /// Declare so many members, one fewer than there are: the pod of that name and UID, of the highest ordinal, goes.
    RemoveMember {
        /// The pod.
        member: String,
        /// Its UID.
        uid: String,
        /// The number.
        replicas: usize,
    },
    /// Restore the StatefulSet's update strategy.
    ReleaseRollout(Rollout),
    /// Let the engine put synchronous commits back as they were.
    EndTemporarySync,
    /// Let the engine finalize a release.
    Finalize(Version),
}
