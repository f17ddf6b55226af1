//! THINK. Which of the two members may be promoted after the old primary was stopped, also when the process that switched over
//! died meanwhile.

use crate::postgres::lsn::Lsn;

/// The role of one of the two, and how far its log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerState {
    /// It does not answer: stopped, starting, or out of reach.
    Silent,
    /// It takes writes.
    Primary,
    /// It is a standby and has the log up to there.
    Standby {
        /// The end of what it has.
        position: Lsn,
    },
    /// It is a standby that this tool has ordered to become the primary again. It may become it at any moment.
    Returning {
        /// The end of what it has.
        position: Lsn,
    },
}

/// What is known of the members that are neither the old primary nor the successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    /// Each of them is a standby.
    Standbys,
    /// One does not answer: another tool or a person may have made it the primary.
    Silent,
    /// One takes writes.
    Primary,
}

impl Others {
    /// What is known of them all, from what each of them says.
    pub(super) fn of(states: impl IntoIterator<Item = ServerState>) -> Self {
        states.into_iter().fold(Self::Standbys, |known, state| match (known, state) {
            (Self::Primary, _) | (_, ServerState::Primary) => Self::Primary,
            (Self::Silent, _) | (_, ServerState::Silent | ServerState::Returning { .. }) => Self::Silent,
            (Self::Standbys, ServerState::Standby { .. }) => Self::Standbys,
        })
    }
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// The old primary is still the primary and nothing has happened yet.
    Begin,
    /// The successor is the primary.
    Done,
    /// The old primary is fenced and the successor has all it had.
    PromoteSuccessor,
    /// The old primary, now a standby, has more than the successor: it has to become the primary again, or writes are lost.
    PromoteOldPrimary,
    /// Not enough is known: a silent member may have more of the log, or may be the primary.
    Wait,
    /// Two members take writes, or one that is neither of the two. This tool changes nothing then.
    TwoPrimaries,
}

/// The decision table. `last` is the end of the old primary's log, where the WAL receiver received it.
///
/// Before a member is promoted every other one is known not to be the primary, those included that take no part in the switchover:
/// while there is no primary another tool, or a person, may promote one of them.
pub(super) fn decide(from: ServerState, to: ServerState, others: Others, last: Option<Lsn>) -> Decision {
    match (decide_of_two(from, to, last), others) {
        (_, Others::Primary) => Decision::TwoPrimaries,
        (Decision::PromoteSuccessor | Decision::PromoteOldPrimary, Others::Silent) => Decision::Wait,
        (decision, Others::Standbys | Others::Silent) => decision,
    }
}

/// The table for the moment in which the old primary has stopped and clients' writes wait. `received` says whether the successor has
/// the whole log. A member that is silent was a standby a moment ago, and a primary that came up meanwhile is not answered with a
/// second one.
pub(super) fn decide_in_pause(received: bool, others: Others) -> Decision {
    match (received, others) {
        (false, _) => Decision::Wait,
        (true, Others::Primary) => Decision::TwoPrimaries,
        (true, Others::Standbys | Others::Silent) => Decision::PromoteSuccessor,
    }
}

/// A decision once it is known whether the two said the same at the look before, positions included: a server that still reads its
/// own log reports another position each time.
pub(super) fn confirm(decision: Decision, settled: bool, last: Option<Lsn>) -> Decision {
    match decision {
        Decision::PromoteSuccessor if !settled && last.is_none() => Decision::Wait,
        Decision::PromoteOldPrimary if !settled => Decision::Wait,
        Decision::Begin
        | Decision::Done
        | Decision::PromoteSuccessor
        | Decision::PromoteOldPrimary
        | Decision::Wait
        | Decision::TwoPrimaries => decision,
    }
}

/// Whether the fence may come off an old primary that did not stop. Not while the successor is silent: it may be the primary.
pub(super) fn may_remove_fence(to: ServerState) -> bool {
    matches!(to, ServerState::Standby { .. })
}

/// Whether the old primary may become the primary again after the successor stopped when it was promoted.
pub(super) fn may_return(from: ServerState, to: ServerState, others: Others, last: Option<Lsn>, settled: bool) -> bool {
    settled && others == Others::Standbys && may_stay_primary(from, to, last)
}

/// The same as [`decide`], of the two alone.
fn decide_of_two(from: ServerState, to: ServerState, last: Option<Lsn>) -> Decision {
    use ServerState::{Primary, Returning, Silent, Standby};
    match (from, to) {
        (Primary, Primary) => Decision::TwoPrimaries,
        (Silent | Standby { .. } | Returning { .. }, Primary) => Decision::Done,
        (Primary, Silent | Standby { .. } | Returning { .. }) => Decision::Begin,
        // The order may still be on its way: no other member is promoted beside it, not even one that has all it has by now.
        (Returning { .. }, _) if may_stay_primary(from, to, last) => Decision::PromoteOldPrimary,
        // Stopped: the end is known. It has to be back as a standby: while there is no primary another tool may promote it too.
        (Standby { .. }, Standby { position }) if last.is_some_and(|last| position >= last) => {
            Decision::PromoteSuccessor
        }
        // The old primary has more than the successor, and all that the WAL receiver received.
        (Standby { position: old }, Standby { position: new }) if old > new && may_stay_primary(from, to, last) => {
            Decision::PromoteOldPrimary
        }
        (Standby { .. }, Standby { .. }) if last.is_none() => Decision::PromoteSuccessor,
        // A silent successor may have been promoted; a silent old primary may have more, or come back as the primary. And where
        // neither has what the WAL receiver received, the old primary is still reading its own log.
        (Silent | Standby { .. } | Returning { .. }, Silent | Standby { .. } | Returning { .. }) => Decision::Wait,
    }
}

/// Whether the old primary may become the primary again, of two that are standbys: it has all that the other has, and all that the
/// WAL receiver received.
fn may_stay_primary(from: ServerState, to: ServerState, last: Option<Lsn>) -> bool {
    use ServerState::{Primary, Returning, Silent, Standby};
    match (from, to) {
        (Standby { position: old } | Returning { position: old }, Standby { position: new }) => {
            old >= new && last.is_none_or(|last| old >= last)
        }
        (
            Silent | Primary | Standby { .. } | Returning { .. },
            Silent | Primary | Standby { .. } | Returning { .. },
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Decision::{Begin, Done, PromoteOldPrimary, PromoteSuccessor, TwoPrimaries, Wait};
    use super::ServerState::{self, Primary, Silent};
    use super::{Lsn, Others, decide, may_stay_primary};

    const fn returning(position: u64) -> ServerState {
        ServerState::Returning { position: Lsn(position) }
    }

    const fn at(position: u64) -> ServerState {
        ServerState::Standby { position: Lsn(position) }
    }

    #[test]
    fn a_member_that_lacks_what_the_old_primary_had_is_never_promoted() {
        let rows = [
            // from, to, the end of the log if it was received, the decision
            (Primary, at(10), None, Begin),
            (Primary, Silent, None, Begin),
            (Primary, Primary, None, TwoPrimaries),
            (at(10), Primary, None, Done),
            (Silent, Primary, None, Done),
            (Silent, Primary, Some(20), Done),
            (at(10), at(10), None, PromoteSuccessor),
            (at(10), at(11), None, PromoteSuccessor),
            (at(11), at(10), None, PromoteOldPrimary),
            (at(10), at(10), Some(10), PromoteSuccessor),
            (Silent, at(10), Some(10), Wait),
            (at(10), at(9), Some(10), PromoteOldPrimary),
            (Silent, at(9), Some(10), Wait),
            // Still reading its own log: it has more than it says.
            (at(5), at(9), Some(10), Wait),
            (at(9), at(5), Some(10), Wait),
            (Silent, at(10), None, Wait),
            (at(10), Silent, None, Wait),
            (at(10), Silent, Some(10), Wait),
            (Silent, Silent, None, Wait),
            (Silent, Silent, Some(10), Wait),
            // It was ordered to become the primary again; meanwhile the other has received all it has.
            (returning(10), at(10), None, PromoteOldPrimary),
            (returning(10), at(10), Some(10), PromoteOldPrimary),
            (returning(10), at(9), None, PromoteOldPrimary),
            (returning(9), at(10), None, Wait),
            (returning(10), Silent, None, Wait),
            (returning(10), Primary, None, Done),
        ];
        for (from, to, last, wanted) in rows {
            let last = last.map(Lsn);
            assert_eq!(decide(from, to, Others::Standbys, last), wanted, "{from:?} {to:?} {last:?}");
            // With a member that may be the primary nothing is promoted, and with one that is nothing is done.
            let beside_silent = if [PromoteSuccessor, PromoteOldPrimary].contains(&wanted) { Wait } else { wanted };
            assert_eq!(decide(from, to, Others::Silent, last), beside_silent, "{from:?} {to:?} {last:?}");
            assert_eq!(decide(from, to, Others::Primary, last), TwoPrimaries, "{from:?} {to:?} {last:?}");
        }
    }

    #[test]
    fn an_old_primary_becomes_primary_again_only_beside_a_standby_that_has_no_more() {
        let rows = [
            // from, to, the end of the log if it was received, whether it may
            (at(10), at(10), None, true),
            (at(10), at(10), Some(10), true),
            (at(10), at(11), None, false),
            (at(9), at(9), Some(10), false),
            // It may have been promoted.
            (at(10), Silent, Some(10), false),
            (at(10), Primary, Some(10), false),
            (Silent, at(10), Some(10), false),
            (Primary, at(10), Some(10), false),
        ];
        for (from, to, last, may) in rows {
            assert_eq!(may_stay_primary(from, to, last.map(Lsn)), may, "{from:?} {to:?} {last:?}");
        }
    }
}
