//! THINK, for tests. This tool in a switchover, step by step: each order and each look is a step of its own, between which anything may
//! happen. What it decides, the functions of `decide.rs` decide.

use stateful_explorer::Step;

use super::servers::{FROM, OTHER, Said, TO, lsn};
use super::tool::Tool;
use super::world::{Bounds, World};
use crate::postgres::switchover::decide::{Decision, Others, confirm, decide_in_pause, may_remove_fence, may_return};

const TOOL: &str = "this tool";

/// What the process may do next.
pub(super) fn steps(world: &World, bounds: &Bounds, steps: &mut Vec<Step<World>>) {
    let from = &world.servers[FROM];
    let unfenced = world.with(FROM, |server| server.has_signal &= !server.takes_writes());
    match world.tool {
        Tool::Gone => begin(world, bounds, steps),
        Tool::Prepared if from.takes_writes() => {
            let fenced = world.with(FROM, |server| (server.has_signal, server.is_returning) = (true, false));
            steps.push(Step::progress(TOOL, "fences pg-0", fenced.with_tool(Tool::Fenced)));
            steps.push(Step::fault(TOOL, "fences pg-0, gets no answer and gives up", fenced.with_tool(Tool::Gone)));
        }
        Tool::Fenced if from.takes_writes() => {
            let ordered = world.with(FROM, |server| server.is_stopped = true);
            steps.push(Step::progress(TOOL, "orders pg-0 to stop", ordered.with_tool(Tool::Stopping)));
            steps.push(Step::fault(
                TOOL,
                "orders pg-0 to stop in vain, and takes the fence off",
                unfenced.with_tool(Tool::Gone),
            ));
        }
        Tool::Stopping if from.takes_writes() => {
            steps.push(Step::fault(
                TOOL,
                "sees pg-0 go on for 10 s, and takes the fence off",
                unfenced.with_tool(Tool::Gone),
            ));
            steps.push(Step::fault(TOOL, "loses the WAL receiver's connection", world.with_tool(Tool::finish(None))));
        }
        // The old primary was killed and is back meanwhile.
        Tool::Stopping => steps.push(Step::progress(TOOL, "asks both", world.with_tool(Tool::finish(None)))),
        Tool::Prepared | Tool::Fenced => {}
        Tool::InPause { last } => in_pause(world, last, steps),
        Tool::Finish { last, before, led } => finish(world, bounds, (last, before, led), steps),
        Tool::Return { last, before } => come_back(world, last, before, steps),
        Tool::Choose { last } if from.is_standby() => {
            let next = world.with(FROM, |server| server.is_returning = true);
            let tool = Tool::Promote { member: FROM, last };
            steps.push(Step::progress(TOOL, "writes down that pg-0 is to be the primary again", next.with_tool(tool)));
        }
        Tool::Promote { member, last } if world.servers[member].is_standby() => {
            let next = world.with(member, |server| server.is_promoted = true);
            let what = ["orders pg-0 to promote", "orders pg-1 to promote"][member];
            steps.push(Step::progress(TOOL, what, next.with_tool(Tool::Promoting { member, last, restarted: false })));
        }
        Tool::Promoting { member, .. } if world.servers[member].takes_writes() => {
            steps.push(Step::progress(TOOL, "is done", world.with_tool(Tool::Gone)));
        }
        Tool::Promoting { member: TO, last, restarted: true } if world.servers[TO].is_up => {
            let tool = Tool::Return { last, before: None };
            steps.push(Step::progress(TOOL, "sees that pg-1 has restarted", world.with_tool(tool)));
        }
        Tool::Choose { .. } | Tool::Promote { .. } | Tool::Promoting { .. } => {}
    }
    if world.tool != Tool::Gone {
        steps.push(Step::progress(TOOL, "ends: killed, or out of time", world.with_tool(Tool::Gone)));
    }
}

/// A look at the three, and whether one that is up did not answer.
struct Look {
    said: [Said; 3],
    in_vain: bool,
    /// A server that still reads its own log says another position each time.
    next: World,
}

/// Every answer that a look at the three may bring.
fn looks(world: &World) -> impl Iterator<Item = Look> {
    let world = *world;
    (0..8_u8).filter_map(move |silent| {
        let mut look = Look { said: [Said::Silent; 3], in_vain: silent > 0, next: world };
        for (member, server) in world.servers.iter().enumerate() {
            if silent & (1 << member) == 0 {
                look.said[member] = server.says();
                if server.is_standby() && !server.has_read_all() {
                    look.next = look.next.with(member, |server| server.read += 1);
                }
            } else if !server.is_up {
                return None; // it is silent anyway
            }
        }
        Some(look)
    })
}

impl Look {
    fn others(&self) -> Others {
        Others::of([self.said[OTHER].state()])
    }

    fn two(&self) -> (Said, Said) {
        (self.said[FROM], self.said[TO])
    }

    fn step(&self, what: &'static str, world: World) -> Step<World> {
        if self.in_vain { Step::fault(TOOL, what, world) } else { Step::progress(TOOL, what, world) }
    }
}

/// A process is started: to switch over, to finish a switchover, or to take back what one has left.
fn begin(world: &World, bounds: &Bounds, steps: &mut Vec<Step<World>>) {
    for (member, server) in world.servers.iter().enumerate() {
        if server.takes_writes() && server.has_signal {
            let next = world.with(member, |server| server.has_signal = false);
            steps.push(Step::progress(TOOL, "takes a leftover fence off the primary", next));
        }
    }
    for look in looks(world) {
        let (from, to) = look.two();
        match (bounds.decide)(from.state(), to.state(), look.others(), None) {
            Decision::Begin => steps.push(look.step("begins to switch over", look.next.with_tool(Tool::Prepared))),
            Decision::PromoteSuccessor | Decision::PromoteOldPrimary | Decision::Wait => {
                steps.push(look.step("begins to finish a switchover", look.next.with_tool(Tool::finish(None))));
            }
            Decision::Done | Decision::TwoPrimaries => {}
        }
    }
}

fn in_pause(world: &World, last: u8, steps: &mut Vec<Step<World>>) {
    let to = &world.servers[TO];
    let has_received = to.is_standby() && to.has_read_all() && to.log.length() >= last;
    for look in looks(world) {
        let received = has_received && look.said[TO] != Said::Silent;
        let tool = match decide_in_pause(received, look.others()) {
            Decision::PromoteSuccessor => Tool::Promote { member: TO, last: Some(last) },
            Decision::TwoPrimaries => Tool::Gone,
            Decision::Begin | Decision::Done | Decision::PromoteOldPrimary | Decision::Wait => Tool::finish(Some(last)),
        };
        steps.push(look.step("asks whether pg-1 has everything", look.next.with_tool(tool)));
    }
}

/// The loop of `finish.rs`, one look.
fn finish(
    world: &World,
    bounds: &Bounds,
    (last, before, led): (Option<u8>, Option<(Said, Said)>, bool),
    steps: &mut Vec<Step<World>>,
) {
    for look in looks(world) {
        let (from, to) = look.two();
        let settled = before == Some((from, to));
        let decision = (bounds.decide)(from.state(), to.state(), look.others(), last.map(lsn));
        let next = match confirm(decision, settled, last.map(lsn)) {
            Decision::PromoteSuccessor => look.next.with_tool(Tool::Promote { member: TO, last }),
            Decision::PromoteOldPrimary => look.next.with_tool(Tool::Choose { last }),
            Decision::Done | Decision::TwoPrimaries => look.next.with_tool(Tool::Gone),
            Decision::Begin if led && may_remove_fence(to.state()) => {
                let unfenced = look.next.with(FROM, |server| server.has_signal &= !server.takes_writes());
                unfenced.with_tool(Tool::Gone)
            }
            Decision::Begin if led => look.next.with_tool(Tool::Gone),
            Decision::Begin => look.next.with_tool(Tool::Finish { last, before: Some((from, to)), led: true }),
            Decision::Wait => look.next.with_tool(Tool::Finish { last, before: Some((from, to)), led: false }),
        };
        steps.push(look.step("asks all which of them has everything", next));
    }
}

/// The loop of `return_to_primary.rs`, one look.
fn come_back(world: &World, last: Option<u8>, before: Option<(Said, Said)>, steps: &mut Vec<Step<World>>) {
    for look in looks(world) {
        let (from, to) = look.two();
        let settled = before == Some((from, to));
        let tool = if may_return(from.state(), to.state(), look.others(), last.map(lsn), settled) {
            Tool::Choose { last }
        } else {
            Tool::Return { last, before: Some((from, to)) }
        };
        steps.push(look.step("asks whether pg-0 may become the primary again", look.next.with_tool(tool)));
    }
}
