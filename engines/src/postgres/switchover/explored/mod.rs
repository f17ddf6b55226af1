//! The decisions of a PostgreSQL switchover, explored exhaustively: every order in which servers stop and start, answers fail to come,
//! processes of this tool die and are started again, and another tool promotes. `docs/model.md` says what is assumed.

mod process;
mod servers;
mod tool;
mod world;

use stateful_explorer::{Explored, Model, Step, Wrong, explore};

use super::decide::{Decision, Others, ServerState, decide};
use crate::postgres::lsn::Lsn;
use servers::{Log, Server};
use tool::Tool;
use world::{Bounds, Decide, World};

impl Model for Bounds {
    type State = World;

    fn initial(&self) -> Vec<World> {
        vec![World {
            servers: [Server::new(true), Server::new(false), Server::new(false)],
            tool: Tool::Gone,
            acknowledged: Log::default(),
            crashes_left: self.crashes,
            foreign_promotions_left: self.foreign_promotions,
        }]
    }

    fn steps(&self, world: &World) -> Vec<Step<World>> {
        let mut steps = Vec::new();
        world.clients(self, &mut steps);
        world.replication(&mut steps);
        world.lives(&mut steps);
        world.another_promotes(self, &mut steps);
        process::steps(world, self, &mut steps);
        steps
    }

    fn broken_rule(&self, world: &World) -> Option<&'static str> {
        let lead_after_start =
            world.servers.iter().filter(|server| if server.is_up { server.is_primary } else { !server.has_signal });
        if world.primaries() > 1 {
            return Some("two members take writes at the same time");
        }
        if lead_after_start.count() > 1 {
            return Some("a member that is down would start as a second primary");
        }
        let lost = |server: &&Server| server.takes_writes() && !server.log.begins_with(world.acknowledged);
        world.servers.iter().find(lost).map(|_| "the primary lacks a write that was acknowledged")
    }

    fn is_settled(&self, world: &World) -> bool {
        let fenced = world.servers.iter().filter(|server| server.takes_writes() && server.has_signal).count();
        world.tool == Tool::Gone && world.primaries() == 1 && fenced == 0
    }
}

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
fn decide_without_a_silent_third(from: ServerState, to: ServerState, others: Others, last: Option<Lsn>) -> Decision {
    let others = if others == Others::Silent { Others::Standbys } else { others };
    decide(from, to, others, last)
}

/// The decision of before: an old primary that is silent was taken for one that is stopped, where the end of its log was known.
fn decide_without_a_silent_first(from: ServerState, to: ServerState, others: Others, last: Option<Lsn>) -> Decision {
    let stopped = last.map_or(from, |position| ServerState::Standby { position });
    decide(if from == ServerState::Silent { stopped } else { from }, to, others, last)
}

/// The decision of before: an old primary that was ordered to become the primary again was taken for any standby.
fn decide_without_an_order(from: ServerState, to: ServerState, others: Others, last: Option<Lsn>) -> Decision {
    let from = match from {
        ServerState::Returning { position } => ServerState::Standby { position },
        other => other,
    };
    decide(from, to, others, last)
}

#[test]
fn two_primaries_are_found_with_each_decision_of_before() {
    let befores: [(Decide, &str, &str); 3] = [
        (decide_without_a_silent_third, "another tool", "promotes pg-2"),
        (decide_without_a_silent_first, "another tool", "promotes pg-0"),
        (decide_without_an_order, "this tool", "orders pg-0 to promote"),
    ];
    for (decide, who, what) in befores {
        let found = explore(&Bounds { decide, ..SMALL }, LIMIT).expect_err("two primaries");
        assert_eq!(found.wrong, Wrong::Rule("two members take writes at the same time"), "{found}");
        assert!(found.contains(who, what), "{found}");
    }
}

#[test]
fn another_tool_that_promotes_between_the_last_look_and_the_order_cannot_be_seen() {
    let found = explore(&Bounds { others_are_patient: false, ..SMALL }, LIMIT).expect_err("two primaries");
    assert_eq!(found.wrong, Wrong::Rule("two members take writes at the same time"), "{found}");
}
