//! What is known of a high-availability manager before a switchover, explored exhaustively: members that are down or silent, a manager
//! that promotes meanwhile, and databases without one.

use stateful_explorer::{Model, Step, Wrong, explore};

use super::ha_manager::{HaManager, KnownManager, Shown, know_manager};

const NAMES: [&str; 3] = ["pg-0", "pg-1", "pg-2"];
const TOOL: &str = "this tool";
const LIMIT: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Server {
    Down,
    Standby,
    Primary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Tool {
    Asks,
    /// It gave up, and its user is told why.
    Refused,
    /// It asks the manager to switch over.
    AsksManager,
    /// It switches over by itself.
    SwitchesOver,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct World {
    is_managed: bool,
    servers: [Server; 3],
    tool: Tool,
}

impl World {
    fn with(mut self, member: usize, server: Server) -> Self {
        self.servers[member] = server;
        self
    }

    const fn with_tool(mut self, tool: Tool) -> Self {
        self.tool = tool;
        self
    }
}

struct Managers {
    know: fn(&[Shown], &[Shown]) -> KnownManager,
}

impl Model for Managers {
    type State = World;

    fn initial(&self) -> Vec<World> {
        let servers = [Server::Primary, Server::Standby, Server::Standby];
        [true, false].map(|is_managed| World { is_managed, servers, tool: Tool::Asks }).to_vec()
    }

    fn steps(&self, world: &World) -> Vec<Step<World>> {
        let mut steps = Vec::new();
        for (member, server) in world.servers.iter().enumerate() {
            match server {
                Server::Down => steps.push(Step::progress(
                    NAMES[member],
                    "starts as a standby",
                    world.with(member, Server::Standby),
                )),
                Server::Standby | Server::Primary => {
                    steps.push(Step::fault(NAMES[member], "is killed", world.with(member, Server::Down)));
                }
            }
            if *server == Server::Standby && !world.servers.contains(&Server::Primary) {
                steps.push(Step::progress(NAMES[member], "is promoted", world.with(member, Server::Primary)));
            }
        }
        match world.tool {
            Tool::Asks => self.looks(*world, &mut steps),
            Tool::Refused => steps.push(Step::progress(TOOL, "is started again", world.with_tool(Tool::Asks))),
            Tool::AsksManager | Tool::SwitchesOver => {}
        }
        steps
    }

    fn broken_rule(&self, world: &World) -> Option<&'static str> {
        let past_it = world.is_managed && world.tool == Tool::SwitchesOver;
        past_it.then_some("a database is switched over past its high-availability manager")
    }

    fn is_settled(&self, world: &World) -> bool {
        world.tool == if world.is_managed { Tool::AsksManager } else { Tool::SwitchesOver }
    }
}

impl Managers {
    /// Every answer that a look may bring: any of the members may be silent.
    fn looks(&self, world: World, steps: &mut Vec<Step<World>>) {
        for silent in 0..8_u8 {
            let shown: Vec<Shown> = (0..)
                .zip(&world.servers)
                .map(|(member, server)| {
                    let manager = world.is_managed.then_some(HaManager::Patroni);
                    match server {
                        _ if silent & (1 << member) != 0 => Shown::Nothing,
                        Server::Down => Shown::Nothing,
                        Server::Standby => Shown::ByStandby(manager),
                        Server::Primary => Shown::ByPrimary(manager),
                    }
                })
                .collect();
            let (two, others) = shown.split_at(2);
            let tool = match (self.know)(two, others) {
                KnownManager::Manager(_) => Tool::AsksManager,
                KnownManager::None => Tool::SwitchesOver,
                KnownManager::AskAgain => Tool::Asks,
                KnownManager::Unknown => Tool::Refused,
            };
            let what =
                if silent == 0 { "asks all for their manager" } else { "asks for their manager, and some are silent" };
            let step = if silent == 0 { Step::progress } else { Step::fault };
            steps.push(step(TOOL, what, world.with_tool(tool)));
        }
    }
}

#[test]
fn a_manager_that_is_not_seen_is_never_taken_for_none() {
    let explored = explore(&Managers { know: know_manager }, LIMIT).unwrap_or_else(|found| unreachable!("{found}"));
    assert!(explored.states > 50, "the model has shrunk: {explored:?}");
}

/// The decision of before: where no member that answered had a manager, there was none.
fn take_unseen_for_none(two: &[Shown], others: &[Shown]) -> KnownManager {
    match know_manager(two, others) {
        KnownManager::Unknown | KnownManager::AskAgain => KnownManager::None,
        known => known,
    }
}

#[test]
fn a_manager_that_was_taken_for_none_because_no_member_answered_is_found() {
    let found = explore(&Managers { know: take_unseen_for_none }, LIMIT).expect_err("the manager was bypassed");
    assert_eq!(found.wrong, Wrong::Rule("a database is switched over past its high-availability manager"), "{found}");
}
