//! THINK, for tests. An old primary and its successor, and two Sentinels: the first does failovers.

use crate::redis::switchover::sentinel::agreement::{Says, Told};

/// How far the first Sentinel is with a failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Failover {
    None,
    Begun,
    /// It has ordered the successor to be the primary.
    Ordered,
    /// It has seen that the successor is, and tells the others.
    Promoted,
}

/// How far the process of this tool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tool {
    Gone,
    /// Writes are paused; next the fence, once the successor has everything.
    Paused,
    /// The fence is up; next the request.
    Fenced,
    /// The failover is requested, or may be.
    Waiting,
    /// The successor is the primary; the old primary is made to follow it.
    Demotes,
}

#[expect(clippy::struct_excessive_bools, reason = "the state of a model: each is a fact of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) old_is_primary: bool,
    pub(super) successor_is_primary: bool,
    pub(super) successor_hangs: bool,
    /// A Sentinel's order to be the primary that the successor has not carried out.
    pub(super) order_is_pending: bool,
    pub(super) is_fenced: bool,
    pub(super) is_paused: bool,
    /// The old primary has acknowledged a write that the successor lacks.
    pub(super) is_ahead: bool,
    pub(super) has_lost: bool,
    pub(super) failover: Failover,
    pub(super) first_is_down: bool,
    pub(super) first_names_new: bool,
    pub(super) second_names_new: bool,
    pub(super) tool: Tool,
}

impl World {
    pub(super) const fn new() -> Self {
        Self {
            old_is_primary: true,
            successor_is_primary: false,
            successor_hangs: false,
            order_is_pending: false,
            is_fenced: false,
            is_paused: false,
            is_ahead: false,
            has_lost: false,
            failover: Failover::None,
            first_is_down: false,
            first_names_new: false,
            second_names_new: false,
            tool: Tool::Gone,
        }
    }

    pub(super) const fn old_takes_writes(&self) -> bool {
        self.old_is_primary && !self.is_fenced && !self.is_paused
    }

    /// The old primary follows the successor: what only it had is thrown away.
    pub(super) const fn demoted(mut self) -> Self {
        (self.old_is_primary, self.has_lost, self.is_ahead) = (false, self.has_lost || self.is_ahead, false);
        self
    }

    /// What the first Sentinel says of the old primary, which it was asked to replace.
    pub(super) const fn told_by_first(&self) -> Told {
        match self.failover {
            _ if self.first_is_down => Told::Nothing,
            Failover::None if !self.first_names_new => Told::NamedByCoordinator,
            Failover::None | Failover::Begun | Failover::Ordered | Failover::Promoted => Told::Contradicted,
        }
    }

    pub(super) const fn told_by_second(&self) -> Told {
        if self.second_names_new { Told::Contradicted } else { Told::Named }
    }

    pub(super) const fn said_by_successor(&self) -> Says {
        match (self.successor_hangs, self.successor_is_primary) {
            (true, _) => Says::Nothing,
            (false, true) => Says::Primary,
            (false, false) => Says::Replica,
        }
    }
}
