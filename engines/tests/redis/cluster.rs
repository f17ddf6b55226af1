//! A Redis Cluster of three shards, each a primary and a replica.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use redis::cmd;
use stateful_engines::Endpoint;
use stateful_safety::EngineProfile;
use tokio::time::sleep;

use super::nodes::{Nodes, PORT, Writer, name};
use crate::common::PATIENCE;
use crate::common::database::Database;
use crate::common::turns::Measures;

/// The slots of each shard, and a word whose slot is among them.
const SHARDS: [(RangeInclusive<u16>, &str); 3] = [(0..=5460, "b"), (5461..=10922, "c"), (10923..=16383, "a")];

const MEMBERS: usize = 6;

/// A node that is silent for 5 s has failed: longer than a law lets one be silent. Nodes tell each other what has changed at least
/// twice in that time, and with the usual 15 s every wait for that would be three times as long.
const SETTINGS: &str = "cluster-enabled yes\ncluster-node-timeout 5000";

/// `redis-0` to `redis-2` lead at first, `redis-3` to `redis-5` follow them in that order.
pub(crate) struct Cluster(Nodes);

impl Database for Cluster {
    type Client = Writer;

    const PROFILE: &'static EngineProfile = &stateful_engines::redis::PROFILE;
    const LONGEST_PAUSE: Duration = Duration::from_secs(1);
    const LONGEST_CANARY_PAUSE: Duration = Duration::from_secs(1);
    const UNKNOWN_BY_CANARY: u64 = 1;

    async fn start(measures: Measures) -> Self {
        let mut nodes = Nodes::prepare(measures).await;
        for _ in 0..MEMBERS {
            nodes.run(SETTINGS).await;
        }
        for (number, (slots, tag)) in SHARDS.iter().enumerate() {
            let slot: u16 = nodes.order(number, cmd("CLUSTER").arg("KEYSLOT").arg(*tag)).await;
            assert!(slots.contains(&slot), "{tag} is in slot {slot}, not in {slots:?}");
            let () =
                nodes.order(number, cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(*slots.start()).arg(*slots.end())).await;
        }
        for number in 0..MEMBERS {
            let () = nodes.order(number, cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(number + 1)).await;
            if number > 0 {
                let () = nodes.order(number, cmd("CLUSTER").arg("MEET").arg(nodes.address(0)).arg(PORT)).await;
            }
        }
        for (replica, primary) in [(3, 0), (4, 1), (5, 2)] {
            let id: String = nodes.order(primary, cmd("CLUSTER").arg("MYID")).await;
            until_known(&nodes, replica, &id).await;
            let () = nodes.order(replica, cmd("CLUSTER").arg("REPLICATE").arg(id)).await;
        }
        let cluster = Self(nodes);
        cluster.settled().await;
        cluster
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        self.0.endpoints(0..MEMBERS)
    }

    fn client(&self) -> Writer {
        self.0.writer(&[(vec![0, 3], SHARDS[0].1), (vec![1, 4], SHARDS[1].1), (vec![2, 5], SHARDS[2].1)])
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

/// Waits until a node has heard of another by gossip, and knows all there are.
async fn until_known(nodes: &Nodes, number: usize, id: &str) {
    let begun = Instant::now();
    loop {
        let listed: String = nodes.order(number, cmd("CLUSTER").arg("NODES")).await;
        let known: BTreeSet<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
        if known.contains(id) && known.len() == MEMBERS && !listed.contains("handshake") {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{} knows only {listed}", name(number));
        sleep(Duration::from_millis(50)).await;
    }
}
