//! A primary and two replicas with nothing that watches over them.

use std::time::Duration;

use stateful_engines::Door;
use stateful_safety::EngineKind;

use super::nodes::{Nodes, PORT, Writer};
use crate::common::database::Database;
use crate::common::turns::Measures;

pub(super) const MEMBERS: usize = 3;

/// `redis-0` leads at first.
pub(crate) struct Replication(Nodes);

impl Database for Replication {
    type Client = Writer;

    const ENGINE: EngineKind = EngineKind::Redis;
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_CANARY_PAUSE: Duration = Duration::from_secs(1);
    const UNKNOWN_BY_CANARY: u64 = 1;

    async fn start(measures: Measures) -> Self {
        let mut nodes = Nodes::prepare(measures).await;
        run_members(&mut nodes).await;
        let replication = Self(nodes);
        replication.settled().await;
        replication
    }

    fn endpoints(&self) -> Vec<Door> {
        self.0.endpoints(0..MEMBERS)
    }

    fn client(&self) -> Writer {
        self.0.writer(&[((0..MEMBERS).collect(), "all")])
    }

    fn process(&self, member: usize) -> u32 {
        self.0.process(member)
    }

    fn restart(&mut self, member: usize) {
        self.0.restart(member);
    }

    async fn canary_leftovers(&self) -> Vec<String> {
        self.0.canary_keys(0..MEMBERS).await
    }

    fn logs(&self) -> String {
        self.0.logs()
    }
}

/// Starts the primary and the two that follow it.
pub(super) async fn run_members(nodes: &mut Nodes) {
    nodes.run("").await;
    let follow = format!("replicaof {} {PORT}", nodes.address(0));
    for _ in 1..MEMBERS {
        nodes.run(&follow).await;
    }
}
