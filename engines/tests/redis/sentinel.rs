//! A primary and two replicas that three Sentinels watch over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::cmd;
use stateful_engines::Endpoint;
use stateful_safety::{Assessment, EngineProfile};
use tokio::time::sleep;

use super::nodes::{Nodes, PORT, Writer};
use super::replication::{MEMBERS, run_members};
use crate::common::PATIENCE;
use crate::common::database::Database;
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
