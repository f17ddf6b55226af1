//! A primary and two replicas with nothing that watches over them.

use std::time::Duration;

use redis::cmd;
use stateful_engines::{Endpoint, SwitchoverError};
use stateful_safety::EngineProfile;

use super::nodes::{Nodes, PORT, Writer, name};
use crate::common::database::{Database, leader_of, replicas};
use crate::common::load::Load;
use crate::common::turns::Measures;

pub(super) const MEMBERS: usize = 3;

/// `redis-0` leads at first.
pub(crate) struct Replication(Nodes);

impl Database for Replication {
    type Client = Writer;

    const PROFILE: &'static EngineProfile = &stateful_engines::redis::PROFILE;
    /// A replica says once a second how far it has come, and the primary holds writes until it says that it has all.
    const LONGEST_PAUSE: Duration = Duration::from_secs(2);
    const LONGEST_CANARY_PAUSE: Duration = Duration::from_secs(2);
    const UNKNOWN_BY_CANARY: u64 = 1;

    async fn start(measures: Measures) -> Self {
        let mut nodes = Nodes::prepare(measures).await;
        run_members(&mut nodes).await;
        let replication = Self(nodes);
        replication.settled().await;
        replication
    }

    fn endpoints(&self) -> Vec<Endpoint> {
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

    /// Those that follow it directly. After a switchover the third member follows the new primary through the old one.
    async fn successors(&self, primary: &str) -> Vec<String> {
        let settled = replicas(&self.settled().await.groups[0]);
        let replication: String = self.0.order(self.number(primary), cmd("INFO").arg("replication")).await;
        let follows = |name: &String| replication.contains(&format!("ip={},", self.0.address(self.number(name))));
        settled.into_iter().filter(follows).collect()
    }

    fn logs(&self) -> String {
        self.0.logs()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_follows_through_another_one_is_refused_and_the_primary_leads_on() {
    let servers = Replication::start(Measures::Nothing).await;
    servers.switch_over(&name(0), &name(1)).await.expect("a switchover");
    servers.settled().await;
    let load = Load::begin(servers.client()).await;
    let refused = servers.switch_over(&name(1), &name(2)).await;
    let says_why = |why: &str| why == "redis-2 is not among its replicas";
    assert!(matches!(&refused, Err(SwitchoverError::Refused { why, .. }) if says_why(why)), "{refused:?}");
    assert_eq!(leader_of(&servers.settled().await, &name(0)), Some(name(1)));
    let report = load.finish(&servers).await;
    assert_eq!((report.lost, report.unknown), (0, 0), "{report:?}");
}

/// Starts the primary and the two that follow it.
pub(super) async fn run_members(nodes: &mut Nodes) {
    nodes.run("").await;
    let follow = format!("replicaof {} {PORT}", nodes.address(0));
    for _ in 1..MEMBERS {
        nodes.run(&follow).await;
    }
}
