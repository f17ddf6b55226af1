//! THINK, for tests. What members, Sentinels and this tool may do next.

use stateful_explorer::Step;

use super::IsPrimary;
use super::world::{Failover, Tool, World};
use crate::redis::switchover::sentinel::agreement::{Says, Told};

const TOOL: &str = "this tool";
const OLD: &str = "redis-0 (old primary)";
const SUCCESSOR: &str = "redis-1 (successor)";
const FIRST: &str = "the Sentinel that was asked";
const SECOND: &str = "the other Sentinel";

pub(super) fn of_members(world: &World, steps: &mut Vec<Step<World>>) {
    if world.old_takes_writes() && !world.is_ahead {
        steps.push(Step::fault(OLD, "acknowledges a write", World { is_ahead: true, ..*world }));
    }
    // Before the fence is up, writes are paused for less time than the pause takes.
    if world.is_paused && world.tool != Tool::Paused {
        steps.push(Step::progress(OLD, "ends the pause by itself", World { is_paused: false, ..*world }));
    }
    if world.successor_hangs {
        steps.push(Step::progress(SUCCESSOR, "hangs no longer", World { successor_hangs: false, ..*world }));
        return;
    }
    steps.push(Step::fault(SUCCESSOR, "hangs", World { successor_hangs: true, ..*world }));
    if world.is_ahead && world.old_is_primary && !world.successor_is_primary {
        steps.push(Step::progress(SUCCESSOR, "receives the write", World { is_ahead: false, ..*world }));
    }
    if world.order_is_pending {
        let next = World { order_is_pending: false, successor_is_primary: true, ..*world };
        steps.push(Step::progress(SUCCESSOR, "becomes the primary", next));
    }
}

pub(super) fn of_sentinels(world: &World, orders_come_in_time: bool, steps: &mut Vec<Step<World>>) {
    if world.first_is_down {
        steps.push(Step::progress(FIRST, "starts again", World { first_is_down: false, ..*world }));
    } else {
        // What it had begun is forgotten; which primary it names is in its file.
        let down = World { first_is_down: true, failover: Failover::None, ..*world };
        steps.push(Step::fault(FIRST, "is killed", without_order(down, orders_come_in_time)));
    }
    let gives_up = without_order(World { failover: Failover::None, ..*world }, orders_come_in_time);
    match world.failover {
        Failover::None => {}
        Failover::Begun => {
            let ordered = World { failover: Failover::Ordered, order_is_pending: true, ..*world };
            steps.push(Step::progress(FIRST, "orders the successor to be the primary", ordered));
            steps.push(Step::fault(FIRST, "gives the failover up", gives_up));
        }
        Failover::Ordered if world.successor_is_primary => {
            let promoted = World { failover: Failover::Promoted, first_names_new: true, ..*world };
            steps.push(Step::progress(FIRST, "sees the new primary", promoted));
        }
        Failover::Ordered => steps.push(Step::fault(FIRST, "gives the failover up", gives_up)),
        Failover::Promoted if !world.old_is_primary => {
            steps.push(Step::progress(FIRST, "ends the failover", World { failover: Failover::None, ..*world }));
        }
        Failover::Promoted => {}
    }
    if world.first_names_new && !world.second_names_new && !world.first_is_down {
        steps.push(Step::progress(SECOND, "hears of the new primary", World { second_names_new: true, ..*world }));
    }
    // The order waits behind the writes that wait.
    let names_new = world.second_names_new || (world.first_names_new && !world.first_is_down);
    if names_new && world.old_is_primary && !world.is_paused {
        steps.push(Step::progress("a Sentinel", "makes the old primary follow", world.demoted()));
    }
    let none_is_new = !world.first_names_new && !world.second_names_new && world.failover == Failover::None;
    // A primary that says for long enough that it is a replica counts as down.
    if none_is_new && !world.old_is_primary && !world.first_is_down {
        steps.push(Step::progress(FIRST, "begins a failover by itself", World { failover: Failover::Begun, ..*world }));
    }
    // A primary that neither of them has made one is made to follow again.
    if none_is_new && world.successor_is_primary && !world.successor_hangs && world.old_is_primary {
        let next = World { successor_is_primary: false, ..*world };
        steps.push(Step::progress("a Sentinel", "makes the successor follow again", next));
    }
}

fn without_order(world: World, orders_come_in_time: bool) -> World {
    World { order_is_pending: world.order_is_pending && !orders_come_in_time, ..world }
}

pub(super) fn of_tool(world: &World, is_primary: IsPrimary, steps: &mut Vec<Step<World>>) {
    let to = |tool| World { tool, ..*world };
    let open = World { tool: Tool::Gone, is_fenced: false, is_paused: false, ..*world };
    match world.tool {
        Tool::Gone => {
            let is_ready = world.old_is_primary && !world.successor_is_primary && !world.successor_hangs;
            if is_ready && !world.is_fenced && world.told_by_first() == Told::NamedByCoordinator {
                steps.push(Step::fault(TOOL, "pauses writes", World { is_paused: true, ..to(Tool::Paused) }));
            }
            if world.is_fenced && !world.old_is_primary {
                let next = World { is_fenced: false, ..*world };
                steps.push(Step::progress(TOOL, "takes a leftover fence off a replica", next));
            } else if world.is_fenced {
                let next = World { is_fenced: false, ..*world };
                looks(world, is_primary, "takes a leftover fence off", next, steps);
            }
        }
        Tool::Paused => {
            if !world.is_ahead && !world.successor_hangs {
                steps.push(Step::progress(TOOL, "raises the fence", World { is_fenced: true, ..to(Tool::Fenced) }));
            }
            steps.push(Step::fault(TOOL, "waits for the successor in vain", open));
        }
        Tool::Fenced => {
            if world.told_by_first() == Told::NamedByCoordinator {
                let begun = World { failover: Failover::Begun, ..to(Tool::Waiting) };
                steps.push(Step::progress(TOOL, "requests the failover", begun));
            }
            steps.push(Step::fault(TOOL, "requests the failover and gets no answer", to(Tool::Waiting)));
            steps.push(Step::fault(TOOL, "requests the failover and is refused", open));
        }
        Tool::Waiting => {
            if world.said_by_successor() == Says::Primary {
                steps.push(Step::progress(TOOL, "sees the new primary", to(Tool::Demotes)));
            }
            looks(world, is_primary, "takes the fence off: there was no failover", open, steps);
        }
        Tool::Demotes if world.old_is_primary => {
            steps.push(Step::progress(TOOL, "makes the old primary follow", world.demoted()));
        }
        Tool::Demotes => steps.push(Step::progress(TOOL, "takes the fence off a replica", open)),
    }
    if world.tool != Tool::Gone {
        steps.push(Step::progress(TOOL, "ends: killed, or out of time", to(Tool::Gone)));
    }
}

/// Every answer that a look at Sentinels and members may bring, and the step where they agree.
fn looks(world: &World, is_primary: IsPrimary, what: &'static str, next: World, steps: &mut Vec<Step<World>>) {
    let own = if world.old_is_primary { Says::Primary } else { Says::Replica };
    for first in [world.told_by_first(), Told::Nothing] {
        for second in [world.told_by_second(), Told::Nothing] {
            if is_primary(&[first, second], own, &[world.said_by_successor()]) {
                let in_full = (first, second) == (world.told_by_first(), world.told_by_second());
                let step = if in_full { Step::progress } else { Step::fault };
                steps.push(step(TOOL, what, next));
            }
        }
    }
}
