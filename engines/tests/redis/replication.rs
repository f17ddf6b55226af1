//! A primary and two replicas with nothing that watches over them.

use std::time::Duration;

use redis::cmd;
use stateful_engines::{Endpoint, Prepared, SwitchoverError};
use stateful_safety::{EngineProfile, Sync};

use super::nodes::{Nodes, PORT, Writer, name};
use crate::common::database::{Database, leader_of};
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

    fn logs(&self) -> String {
        self.0.logs()
    }
}

impl Replication {
    /// Has a replica follow another one, as a switchover of an earlier release left it.
    async fn chain(&self, number: usize, to: usize) {
        let address = self.0.address(to);
        let _: String = self.0.order(number, cmd("REPLICAOF").arg(&address).arg(PORT)).await;
        self.0.until_followed(number, to).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_follows_through_another_one_is_refused_and_the_primary_leads_on() {
    let servers = Replication::start(Measures::Nothing).await;
    servers.chain(2, 1).await;
    let load = Load::begin(servers.client()).await;
    let refused = servers.switch_over(&name(0), &name(2)).await;
    let says_why = |why: &str| why == "redis-2 is not among its replicas";
    assert!(matches!(&refused, Err(SwitchoverError::Refused { why, .. }) if says_why(why)), "{refused:?}");
    let assessment = servers.assess().await;
    assert_eq!(leader_of(&assessment, &name(0)), Some(name(0)));
    // What it has it got second-hand: an operation waits for it, and does not take it for in sync.
    let sync = &assessment.groups[0].member(&name(2)).expect("it is a member").sync;
    let behind = |why: &str| why == "it follows redis-1, which is not the primary";
    assert!(matches!(sync, Sync::Behind { why } if behind(why)), "{sync:?}");
    servers.chain(2, 0).await;
    let report = load.finish(&servers).await;
    assert_eq!((report.lost, report.unknown), (0, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_switchover_every_replica_follows_the_new_primary_itself() {
    let servers = Replication::start(Measures::Nothing).await;
    servers.switch_over(&name(0), &name(1)).await.expect("a switchover");
    let new = (servers.0.address(1), true);
    assert_eq!([servers.0.followed(0).await, servers.0.followed(2).await], [new.clone(), new]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_replicas_of_a_replica_are_led_to_the_primary_before_it_restarts() {
    let servers = Replication::start(Measures::Nothing).await;
    servers.chain(2, 1).await;
    let adapter = servers.adapter();
    let preparation = adapter.restart_preparation().expect("it prepares restarts");
    let prepared = preparation.prepare_restart(&servers.endpoints(), &name(1)).await.expect("it can be restarted");
    assert_eq!(prepared, Prepared::LookAgain("redis-2 followed redis-1 and now the primary itself".to_owned()));
    assert_eq!(servers.0.followed(2).await, (servers.0.address(0), true));
    let again = preparation.prepare_restart(&servers.endpoints(), &name(1)).await.expect("it can be restarted");
    assert_eq!(again, Prepared::Ready);
}

/// Starts the primary and the two that follow it.
pub(super) async fn run_members(nodes: &mut Nodes) {
    nodes.run("").await;
    let follow = format!("replicaof {} {PORT}", nodes.address(0));
    for _ in 1..MEMBERS {
        nodes.run(&follow).await;
    }
}
