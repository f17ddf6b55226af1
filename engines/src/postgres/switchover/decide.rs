//! THINK. Who may be promoted when the old primary has been stopped, or somebody died on the way.

use crate::postgres::lsn::Lsn;

/// Where one of the two stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// It does not answer: stopped, starting, or out of reach.
    Silent,
    /// It takes writes.
    Leads,
    /// It is a standby and has the log up to there.
    Follows {
        /// The end of what it has.
        position: Lsn,
    },
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// The old primary still leads and nothing has happened yet.
    Begin,
    /// The successor leads.
    Done,
    /// The old primary is fenced and the successor has all it had.
    PromoteSuccessor,
    /// The old primary, now a standby, has more than the successor: it must lead on, or writes are lost.
    PromoteBack,
    /// Not enough is known: whoever is silent may have more, or may lead.
    Wait,
    /// Both take writes. Nothing here makes that worse or better.
    TwoPrimaries,
}

/// The table. `last` is the end of the old primary's log, when a witness heard it.
pub(super) fn next(from: Side, to: Side, last: Option<Lsn>) -> Next {
    match (from, to) {
        (Side::Leads, Side::Leads) => Next::TwoPrimaries,
        (Side::Silent | Side::Follows { .. }, Side::Leads) => Next::Done,
        (Side::Leads, Side::Silent | Side::Follows { .. }) => Next::Begin,
        // Stopped for good: the end is known, and the fence was on its disk before it stopped.
        (Side::Silent | Side::Follows { .. }, Side::Follows { position })
            if last.is_some_and(|last| position >= last) =>
        {
            Next::PromoteSuccessor
        }
        // Of the two the old primary has more, and all that was heard of it.
        (Side::Follows { position: old }, Side::Follows { position: new }) if old > new && leads_on(from, to, last) => {
            Next::PromoteBack
        }
        (Side::Follows { .. }, Side::Follows { .. }) if last.is_none() => Next::PromoteSuccessor,
        // A silent successor may have been promoted; a silent old primary may have more, or come back leading. And where
        // neither has what was heard, the old primary is still reading its own log.
        (Side::Silent | Side::Follows { .. }, Side::Silent | Side::Follows { .. }) => Next::Wait,
    }
}

/// Whether the old primary may lead on, of two that are standbys: it has all that the other has, and all that was heard of it.
pub(super) fn leads_on(from: Side, to: Side, last: Option<Lsn>) -> bool {
    match (from, to) {
        (Side::Follows { position: old }, Side::Follows { position: new }) => {
            old >= new && last.is_none_or(|last| old >= last)
        }
        (Side::Silent | Side::Leads | Side::Follows { .. }, Side::Silent | Side::Leads | Side::Follows { .. }) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Next::{Begin, Done, PromoteBack, PromoteSuccessor, TwoPrimaries, Wait};
    use super::Side::{self, Leads, Silent};
    use super::{Lsn, leads_on, next};

    const fn at(position: u64) -> Side {
        Side::Follows { position: Lsn(position) }
    }

    #[test]
    fn nobody_is_promoted_who_lacks_what_the_old_primary_had() {
        let rows = [
            // from, to, the end if it was heard, what is to be done
            (Leads, at(10), None, Begin),
            (Leads, Silent, None, Begin),
            (Leads, Leads, None, TwoPrimaries),
            (at(10), Leads, None, Done),
            (Silent, Leads, None, Done),
            (Silent, Leads, Some(20), Done),
            (at(10), at(10), None, PromoteSuccessor),
            (at(10), at(11), None, PromoteSuccessor),
            (at(11), at(10), None, PromoteBack),
            (at(10), at(10), Some(10), PromoteSuccessor),
            (Silent, at(10), Some(10), PromoteSuccessor),
            (at(10), at(9), Some(10), PromoteBack),
            (Silent, at(9), Some(10), Wait),
            // Still reading its own log: it has more than it says.
            (at(5), at(9), Some(10), Wait),
            (at(9), at(5), Some(10), Wait),
            (Silent, at(10), None, Wait),
            (at(10), Silent, None, Wait),
            (at(10), Silent, Some(10), Wait),
            (Silent, Silent, None, Wait),
            (Silent, Silent, Some(10), Wait),
        ];
        for (from, to, last, wanted) in rows {
            assert_eq!(next(from, to, last.map(Lsn)), wanted, "{from:?} {to:?} {last:?}");
        }
    }
    #[test]
    fn an_old_primary_leads_on_only_beside_a_standby_that_has_no_more() {
        let rows = [
            // from, to, the end if it was heard, whether it may
            (at(10), at(10), None, true),
            (at(10), at(10), Some(10), true),
            (at(10), at(11), None, false),
            (at(9), at(9), Some(10), false),
            // It may have been promoted.
            (at(10), Silent, Some(10), false),
            (at(10), Leads, Some(10), false),
            (Silent, at(10), Some(10), false),
            (Leads, at(10), Some(10), false),
        ];
        for (from, to, last, may) in rows {
            assert_eq!(leads_on(from, to, last.map(Lsn)), may, "{from:?} {to:?} {last:?}");
        }
    }
}
