//! THINK, for tests. How far a process of this tool is in a switchover.

use super::servers::{FROM, Said};

/// How far the process is. An order that is not sent yet is a state of its own: what it is based on may have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tool {
    /// None runs.
    Gone,
    /// All is prepared; next it fences.
    Prepared,
    /// The fence is on the old primary's disk; next it orders the stop.
    Fenced,
    /// The stop is ordered.
    Stopping,
    /// The old primary has stopped, and this is the end of its log.
    InPause { last: u8 },
    /// It asks until it is known which member has everything (`finish.rs`).
    Finish { last: Option<u8>, before: Option<(Said, Said)>, led: bool },
    /// It has decided that the old primary becomes the primary again; next it writes that down beside it.
    Choose { last: Option<u8> },
    /// It has decided to promote a member; next it sends the order.
    Promote { member: usize, last: Option<u8> },
    /// It waits until the member is the primary.
    Promoting { member: usize, last: Option<u8>, restarted: bool },
    /// The successor stopped when it was promoted (`return_to_primary.rs`).
    Return { last: Option<u8>, before: Option<(Said, Said)> },
}

impl Tool {
    /// Whether it is between its last look and the order that follows it, or holds clients in the pause: seconds at most.
    pub(super) const fn is_quick(self) -> bool {
        match self {
            Self::Prepared | Self::Fenced | Self::Stopping | Self::InPause { .. } => true,
            Self::Choose { .. } | Self::Promote { .. } | Self::Promoting { .. } => true,
            Self::Gone | Self::Finish { .. } | Self::Return { .. } => false,
        }
    }

    /// A server was killed: its connections break. It takes longer to start than this tool to ask again, so that two looks in a row
    /// never see the same of it.
    pub(super) fn after_crash(self, killed: usize) -> Self {
        match self {
            Self::Stopping if killed == FROM => Self::finish(None),
            Self::Promoting { member, last, .. } if member == killed => {
                Self::Promoting { member, last, restarted: true }
            }
            Self::Finish { last, led, .. } => Self::Finish { last, before: None, led },
            Self::Return { last, .. } => Self::Return { last, before: None },
            _ => self,
        }
    }

    /// The old primary has stopped, and the WAL receiver has seen the end of its log, or not.
    pub(super) const fn after_stop(self, end: Option<u8>) -> Self {
        match (self, end) {
            (Self::Stopping, Some(last)) => Self::InPause { last },
            (Self::Stopping, None) => Self::finish(None),
            (tool, _) => tool,
        }
    }

    pub(super) const fn finish(last: Option<u8>) -> Self {
        Self::Finish { last, before: None, led: false }
    }
}
