//! A primary and two replicas that three Sentinels watch over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::{Value, cmd};
use stateful_engines::{Endpoint, NoClientPause, SwitchoverError};
use stateful_safety::{Assessment, EngineProfile};
use tokio::time::sleep;

use super::nodes::{Nodes, PORT, Writer, name};
use super::replication::{MEMBERS, run_members};
use crate::common::PATIENCE;
use crate::common::database::{Database, leader_of};
use crate::common::load::Load;
use crate::common::turns::Measures;

const SENTINELS: usize = 3;

/// `redis-0` leads at first; the Sentinels are no members.
pub(crate) struct Sentinel(Nodes);

impl Database for Sentinel {
    type Client = Writer;

    const PROFILE: &'static EngineProfile = &stateful_engines::redis::PROFILE;
    /// Writes are held while the Sentinels elect one of them and do the failover, one step a tick of theirs.
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);
    const LONGEST_CANARY_PAUSE: Duration = Duration::from_secs(5);
    const UNKNOWN_BY_CANARY: u64 = 1;

    /// Beside other laws even where it measures: its pauses are so long that those make no difference.
    async fn start(_: Measures) -> Self {
        let mut nodes = Nodes::prepare(Measures::Nothing).await;
        run_members(&mut nodes).await;
        let watch = format!("sentinel monitor main {} {PORT} 2", nodes.address(0));
        for _ in 0..SENTINELS {
            nodes.run_sentinel(&watch).await;
        }
        for sentinel in MEMBERS..MEMBERS + SENTINELS {
            until_complete(&nodes, sentinel).await;
        }
        let sentinel = Self(nodes);
        sentinel.settled().await;
        sentinel
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        self.0.endpoints(0..MEMBERS)
    }

    fn watchers(&self) -> Vec<Endpoint> {
        self.0.endpoints(MEMBERS..MEMBERS + SENTINELS)
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

    /// And every Sentinel knows which member leads: a switchover asks the first that answers.
    async fn settled(&self) -> Assessment {
        let assessment = self.settles(&self.endpoints()).await;
        let leader = assessment.groups[0].primary().expect("one leads").name.clone();
        let (address, begun) = (self.0.address(self.number(&leader)), Instant::now());
        for sentinel in MEMBERS..MEMBERS + SENTINELS {
            let ask = cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg("main").take();
            while self.0.order::<(String, u16)>(sentinel, &ask).await.0 != address {
                assert!(begun.elapsed() < PATIENCE, "a Sentinel does not know that {leader} leads");
                sleep(Duration::from_millis(50)).await;
            }
        }
        assessment
    }

    fn logs(&self) -> String {
        self.0.logs()
    }
}

impl Sentinel {
    /// What the first Sentinel says of the primary.
    async fn told(&self) -> BTreeMap<String, String> {
        self.0.order(MEMBERS, cmd("SENTINEL").arg("MASTER").arg("main")).await
    }

    /// Waits until a member that led says that it is a replica.
    async fn until_old_primary_follows(&self, number: usize) {
        let begun = Instant::now();
        loop {
            // The Sentinels cut off every connection to a server that they make a replica.
            let role = self.0.try_order::<Vec<Value>>(number, &cmd("ROLE")).await;
            if role.is_ok_and(|role| role.first() == Some(&Value::BulkString(b"slave".to_vec()))) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "redis-{number} leads on");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn setting(&self, number: usize, setting: &str) -> String {
        let told: BTreeMap<String, String> = self.0.order(number, cmd("CONFIG").arg("GET").arg(setting)).await;
        told[setting].clone()
    }

    /// A switchover whose process dies as soon as the Sentinels have begun.
    async fn dies_once_requested(&self, from: &str, to: &str) {
        let switchover = self.switch_over(from, to);
        let requested = async {
            let begun = Instant::now();
            while !self.told().await["flags"].contains("failover_in_progress") {
                assert!(begun.elapsed() < PATIENCE, "the Sentinels never begin");
                sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            biased;
            () = requested => {}
            ended = switchover => panic!("it ended before the Sentinels had begun: {ended:?}"),
        }
    }
}

/// A hold that ends before the Sentinels have made the old primary a replica lets it acknowledge writes that they then throw away.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_once_the_sentinels_have_begun_loses_nothing_and_what_it_changed_is_put_back() {
    let servers = Sentinel::start(Measures::Nothing).await;
    let settings = async || {
        (
            servers.told().await["failover-timeout"].clone(),
            servers.setting(1, "replica-priority").await,
            servers.setting(0, "min-replicas-to-write").await,
            servers.setting(0, "repl-ping-replica-period").await,
        )
    };
    let before = settings().await;
    let load = Load::begin(servers.client()).await;
    servers.dies_once_requested(&name(0), &name(1)).await;
    load.goes_on().await;
    servers.until_old_primary_follows(0).await;
    load.goes_on().await;
    assert_eq!(leader_of(&servers.settled().await, &name(1)), Some(name(1)));
    let report = load.finish(&servers).await;
    assert_eq!(report.lost, 0, "{report:?}");
    let adapter = servers.adapter();
    let done = adapter.restart_preparation().expect("it prepares restarts");
    println!("{:?}", done.take_back(&servers.endpoints(), &servers.watchers()).await);
    assert_eq!(settings().await, before);
    assert_eq!(done.take_back(&servers.endpoints(), &servers.watchers()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_cannot_be_asked_are_not_gone_behind() {
    let servers = Sentinel::start(Measures::Nothing).await;
    let adapter = servers.adapter();
    let switchover = adapter.switchover().expect("it switches over");
    let refused = switchover.switch_over(&servers.endpoints(), &[], &name(0), &name(1), &NoClientPause).await;
    let says_why = |why: &str| why.contains("watch over it, and none is in reach to be asked");
    assert!(matches!(&refused, Err(SwitchoverError::Refused { why, .. }) if says_why(why)), "{refused:?}");
    assert_eq!(leader_of(&servers.settled().await, &name(0)), Some(name(0)));
}

/// The Sentinels could choose that one instead, and the old primary would be told that nothing has happened.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_replica_that_may_go_first_no_other_is_made_the_primary() {
    let servers = Sentinel::start(Measures::Nothing).await;
    let _: String = servers.0.order(2, cmd("CONFIG").arg("SET").arg("replica-priority").arg(1)).await;
    let refused = servers.switch_over(&name(0), &name(1)).await;
    let says_why = |why: &str| why.contains("has replica-priority 1, before which none goes");
    assert!(matches!(&refused, Err(SwitchoverError::Refused { why, .. }) if says_why(why)), "{refused:?}");
    assert_eq!(leader_of(&servers.settled().await, &name(0)), Some(name(0)));
}

/// Waits until a Sentinel knows the other two and both replicas.
async fn until_complete(nodes: &Nodes, sentinel: usize) {
    let begun = Instant::now();
    loop {
        let told: BTreeMap<String, String> = nodes.order(sentinel, cmd("SENTINEL").arg("MASTER").arg("main")).await;
        let number = |field: &str| told.get(field).and_then(|text| text.parse::<usize>().ok());
        if number("num-other-sentinels") == Some(SENTINELS - 1) && number("num-slaves") == Some(MEMBERS - 1) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "a Sentinel does not find the others: {told:?}");
        sleep(Duration::from_millis(50)).await;
    }
}
