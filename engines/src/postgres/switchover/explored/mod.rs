//! The decisions of a PostgreSQL switchover, explored exhaustively: every order in which servers stop and start, answers fail to come,
//! processes of this tool die and are started again, and somebody else promotes. `docs/model.md` says what is assumed.

mod model;
mod servers;
mod tool;

use stateful_explorer::{Explored, Wrong, explore};

use super::decide::{Decision, Others, ServerState, decide};
use crate::postgres::lsn::Lsn;
use model::Bounds;

/// A model above this size is not what it was meant to be.
const LIMIT: usize = 3_000_000;

const SMALL: Bounds = Bounds { decide, writes: 1, crashes: 1, foreign_promotions: 1, others_are_patient: true };

#[test]
fn a_switchover_makes_no_second_primary_loses_no_write_and_always_has_a_way_forward() {
    let Explored { states, .. } = explore(&SMALL, LIMIT).unwrap_or_else(|found| unreachable!("{found}"));
    assert!(states > 10_000, "the model has shrunk to {states} states");
}

#[test]
#[ignore = "takes minutes: `make explore`"]
fn the_same_with_more_writes_and_more_crashes() {
    let large = Bounds { writes: 2, crashes: 2, ..SMALL };
    let explored = explore(&large, 20 * LIMIT).unwrap_or_else(|found| unreachable!("{found}"));
    assert!(explored.states > 100_000, "the model has shrunk: {explored:?}");
}

/// The decision of before: a third member that is silent for one look was taken for a standby.
fn decide_without_the_silent(from: ServerState, to: ServerState, others: Others, last: Option<Lsn>) -> Decision {
    let others = if others == Others::Silent { Others::Standbys } else { others };
    decide(from, to, others, last)
}

#[test]
fn a_third_member_that_is_silent_for_one_look_while_it_is_the_primary_is_found() {
    let found = explore(&Bounds { decide: decide_without_the_silent, ..SMALL }, LIMIT).expect_err("two primaries");
    assert_eq!(found.wrong, Wrong::Rule("two members take writes at the same time"), "{found}");
    assert!(found.contains("another tool", "promotes pg-2"), "{found}");
}

#[test]
fn somebody_who_promotes_between_the_last_look_and_the_order_is_what_nobody_can_see() {
    let found = explore(&Bounds { others_are_patient: false, ..SMALL }, LIMIT).expect_err("two primaries");
    assert_eq!(found.wrong, Wrong::Rule("two members take writes at the same time"), "{found}");
}
