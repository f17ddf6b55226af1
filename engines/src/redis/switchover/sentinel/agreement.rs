//! THINK. Whether the Sentinels and the members agree that a member is the primary and that no failover is under way.

/// What a Sentinel says of the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// It does not answer, or monitors a server that is no member.
    Nothing,
    /// It names the member, and knows of no failover.
    Named,
    /// The same, by the Sentinel that a switchover has asked for the failover.
    NamedByCoordinator,
    /// It names another member, or a failover is under way.
    Contradicted,
}

/// What a member says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// It does not answer.
    Nothing,
    /// It takes writes.
    Primary,
    /// It follows another.
    Replica,
}

/// Whether no Sentinel contradicts, and no failover can be under way. Only the Sentinel that does a failover shows that one is: so
/// either that one answers, or all do.
pub(super) fn sentinels_agree(told: &[Told]) -> bool {
    let all_answer = !told.is_empty() && !told.contains(&Told::Nothing);
    !told.contains(&Told::Contradicted) && (all_answer || told.contains(&Told::NamedByCoordinator))
}

/// Whether the member is the primary by its own answer and by the Sentinels', and every other member says that it is a replica. One
/// that is silent may have been made the primary by a failover that its Sentinel has forgotten since.
pub(super) fn is_only_primary(told: &[Told], own: Says, others: &[Says]) -> bool {
    sentinels_agree(told) && own == Says::Primary && others.iter().all(|other| *other == Says::Replica)
}

#[cfg(test)]
mod tests {
    use super::{Says, Told, is_only_primary, sentinels_agree};

    #[test]
    fn a_sentinel_that_is_silent_may_have_a_failover_under_way_unless_the_one_that_was_asked_answers() {
        use Told::{Contradicted, Named, NamedByCoordinator, Nothing};
        let rows: [(&[Told], bool); 6] = [
            (&[], false),
            (&[Named, Named], true),
            (&[Named, Nothing], false),
            (&[NamedByCoordinator, Nothing], true),
            (&[NamedByCoordinator, Contradicted], false),
            (&[Nothing, Nothing], false),
        ];
        for (told, agree) in rows {
            assert_eq!(sentinels_agree(told), agree, "{told:?}");
        }
    }

    #[test]
    fn a_member_that_is_silent_may_be_the_primary() {
        use Says::{Nothing, Primary, Replica};
        let told = [Told::Named, Told::Named];
        assert!(is_only_primary(&told, Primary, &[Replica, Replica]));
        assert!(!is_only_primary(&told, Primary, &[Replica, Nothing]));
        assert!(!is_only_primary(&told, Primary, &[Replica, Primary]));
        assert!(!is_only_primary(&told, Nothing, &[Replica, Replica]));
        assert!(!is_only_primary(&told, Replica, &[Replica, Replica]));
    }
}
