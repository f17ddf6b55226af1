//! When the fence of a switchover under Sentinels comes off, explored exhaustively: an old primary and its successor, a Sentinel that does
//! the failover and one that does not, processes of this tool that die, members that hang. `docs/model.md` says what is assumed.

mod steps;
mod world;

use stateful_explorer::{Model, Step, Wrong, explore};

use super::agreement::{Says, Told, is_only_primary};
use world::{Failover, Tool, World};

const LIMIT: usize = 1_000_000;

/// The production code's decision, or one of before.
type IsPrimary = fn(&[Told], Says, &[Says]) -> bool;

struct Sentinels {
    is_primary: IsPrimary,
    /// Whether a hanging member carries a Sentinel's order out before that Sentinel gives the failover up, or never.
    orders_come_in_time: bool,
}

impl Model for Sentinels {
    type State = World;

    fn initial(&self) -> Vec<World> {
        vec![World::new()]
    }

    fn steps(&self, world: &World) -> Vec<Step<World>> {
        let mut all = Vec::new();
        steps::of_members(world, &mut all);
        steps::of_sentinels(world, self.orders_come_in_time, &mut all);
        steps::of_tool(world, self.is_primary, &mut all);
        all
    }

    fn broken_rule(&self, world: &World) -> Option<&'static str> {
        if world.old_takes_writes() && world.successor_is_primary {
            return Some("two members take writes at the same time");
        }
        world.has_lost.then_some("a write that was acknowledged is lost")
    }

    fn is_settled(&self, world: &World) -> bool {
        let one = world.old_is_primary != world.successor_is_primary;
        let agreed = world.failover == Failover::None && world.first_names_new == world.second_names_new;
        let right = world.first_names_new == world.successor_is_primary;
        world.tool == Tool::Gone
            && one
            && agreed
            && right
            && !(world.old_is_primary && (world.is_fenced || world.is_paused))
    }
}

const SOUND: Sentinels = Sentinels { is_primary: is_only_primary, orders_come_in_time: true };

#[test]
fn a_fence_comes_off_only_where_no_write_can_be_lost_and_always_can_come_off() {
    let explored = explore(&SOUND, LIMIT).unwrap_or_else(|found| unreachable!("{found}"));
    assert!(explored.states > 100, "the model has shrunk: {explored:?}");
}

/// As before: a Sentinel that is silent counted as one that agrees.
fn agrees_with_the_silent(told: &[Told], own: Says, others: &[Says]) -> bool {
    let told: Vec<Told> = told.iter().map(|told| if *told == Told::Nothing { Told::Named } else { *told }).collect();
    is_only_primary(&told, own, others)
}

#[test]
fn a_fence_that_comes_off_while_the_sentinel_with_the_failover_is_silent_is_found() {
    let found = explore(&Sentinels { is_primary: agrees_with_the_silent, ..SOUND }, LIMIT).expect_err("lost writes");
    assert!(matches!(found.wrong, Wrong::Rule(_)), "{found}");
}

#[test]
fn an_order_that_comes_after_its_sentinel_has_given_up_cannot_be_seen() {
    let found = explore(&Sentinels { orders_come_in_time: false, ..SOUND }, LIMIT).expect_err("two primaries");
    assert!(matches!(found.wrong, Wrong::Rule(_)), "{found}");
}
