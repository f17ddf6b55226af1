//! THINK, for tests. The world around the decisions of a PostgreSQL switchover: three servers, their network, this tool, which may die
//! at each step and be started again, and another tool that promotes.

use stateful_explorer::Step;

use super::servers::{FROM, Log, NAMES, OTHER, Server, TO};
use super::tool::Tool;
use crate::postgres::lsn::Lsn;
use crate::postgres::switchover::decide::{Decision, Others, ServerState};

/// The decision table, or one of before.
pub(super) type Decide = fn(ServerState, ServerState, Others, Option<Lsn>) -> Decision;

/// What may go wrong, and how often.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) decide: Decide,
    /// How many entries clients write.
    pub(super) writes: u8,
    /// How often a server dies.
    pub(super) crashes: u8,
    /// How often another tool promotes a standby.
    pub(super) foreign_promotions: u8,
    /// Whether the other tool waits for longer than this tool takes from its last look to its order.
    pub(super) others_are_patient: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) servers: [Server; 3],
    pub(super) tool: Tool,
    /// Everything that clients have been told is written.
    pub(super) acknowledged: Log,
    pub(super) crashes_left: u8,
    pub(super) foreign_promotions_left: u8,
}

impl World {
    /// The same with one server changed.
    pub(super) fn with(mut self, member: usize, change: impl FnOnce(&mut Server)) -> Self {
        change(&mut self.servers[member]);
        self
    }

    pub(super) const fn with_tool(mut self, tool: Tool) -> Self {
        self.tool = tool;
        self
    }

    pub(super) fn primaries(&self) -> usize {
        self.servers.iter().filter(|server| server.takes_writes()).count()
    }

    /// Clients write an entry, and are told so at once: no standby needs to have it.
    pub(super) fn clients(&self, bounds: &Bounds, steps: &mut Vec<Step<Self>>) {
        for (member, server) in self.servers.iter().enumerate() {
            if server.takes_writes() && !server.is_promoted && server.log.length() < bounds.writes {
                let log = server.log.with(member);
                let next = Self { acknowledged: log, ..*self }.with(member, |server| server.set_log(log));
                steps.push(Step::fault("a client", "writes", next));
            }
        }
    }

    /// A standby receives the next entry from any server that has it, standbys included.
    pub(super) fn replication(&self, steps: &mut Vec<Step<Self>>) {
        for (member, server) in self.servers.iter().enumerate() {
            if !server.is_standby() {
                continue;
            }
            if !server.has_read_all() {
                steps.push(Step::progress(
                    NAMES[member],
                    "reads its own log",
                    self.with(member, |s| s.read = s.log.length()),
                ));
                continue;
            }
            let ahead = self.servers.iter().find(|source| {
                source.is_up && source.log.length() > server.log.length() && source.log.begins_with(server.log)
            });
            if let Some(source) = ahead {
                let log = source.log.first(server.log.length() + 1);
                steps.push(Step::progress(NAMES[member], "receives an entry", self.with(member, |s| s.set_log(log))));
            }
        }
    }

    pub(super) fn lives(&self, steps: &mut Vec<Step<Self>>) {
        for (member, server) in self.servers.iter().enumerate() {
            if server.is_up && self.crashes_left > 0 {
                let next = Self { crashes_left: self.crashes_left - 1, ..*self };
                let next = next.with(member, Server::go_down).with_tool(self.tool.after_crash(member));
                steps.push(Step::fault(NAMES[member], "is killed", next));
            }
            if !server.is_up {
                steps.push(Step::progress(NAMES[member], "starts", self.with(member, |s| s.start(true))));
                if server.has_signal {
                    let next = self.with(member, |s| s.start(false));
                    steps.push(Step::progress(NAMES[member], "starts and has its log still to read", next));
                }
            }
            if server.is_standby() && server.is_promoted {
                steps.push(Step::progress(
                    NAMES[member],
                    "becomes the primary",
                    self.with(member, Server::become_primary),
                ));
            }
        }
        self.stop(steps);
    }

    /// The old primary obeys the order to stop. It waits for those that receive from it, and those that hang miss the rest.
    fn stop(&self, steps: &mut Vec<Step<Self>>) {
        let old = &self.servers[FROM];
        if !(old.takes_writes() && old.is_stopped) {
            return;
        }
        let log = old.log.with(FROM);
        let stopped = self.with(FROM, |server| {
            server.set_log(log);
            server.go_down();
        });
        let receives = |member: usize| {
            let server = &self.servers[member];
            server.is_standby() && server.has_read_all() && log.begins_with(server.log)
        };
        for to_hangs in [false, true] {
            for other_hangs in [false, true] {
                for end_is_lost in [false, true] {
                    let mut next = stopped.with_tool(self.tool.after_stop((!end_is_lost).then_some(log.length())));
                    for (member, hangs) in [(TO, to_hangs), (OTHER, other_hangs)] {
                        if receives(member) && !hangs {
                            next = next.with(member, |server| server.set_log(log));
                        }
                    }
                    let what = match (to_hangs || other_hangs, end_is_lost) {
                        (false, false) => "stops",
                        (true, false) => "stops while a standby hangs",
                        (false, true) => "stops, and this tool does not see the end of its log",
                        (true, true) => "stops while a standby hangs and this tool does not see the end of its log",
                    };
                    let step = if to_hangs || other_hangs || end_is_lost { Step::fault } else { Step::progress };
                    steps.push(step(NAMES[FROM], what, next));
                }
            }
        }
    }

    /// Another tool, or a person, promotes a standby because there is no primary. It sees that no other member is one or would start as one: what
    /// happens otherwise is not this tool's doing. What the promoted standby lacks is lost by it.
    pub(super) fn another_promotes(&self, bounds: &Bounds, steps: &mut Vec<Step<Self>>) {
        let in_between = bounds.others_are_patient && self.tool.is_quick();
        if self.foreign_promotions_left == 0
            || in_between
            || !self.servers.iter().all(|s| s.has_signal && !s.takes_writes())
        {
            return;
        }
        for (member, server) in self.servers.iter().enumerate() {
            if server.is_standby() && server.has_read_all() && self.servers.iter().all(|server| !server.is_promoted) {
                let next = Self {
                    foreign_promotions_left: self.foreign_promotions_left - 1,
                    acknowledged: self.acknowledged.shared_with(server.log),
                    ..*self
                };
                let what = ["promotes pg-0", "promotes pg-1", "promotes pg-2"][member];
                steps.push(Step::fault("another tool", what, next.with(member, Server::become_primary)));
            }
        }
    }
}
