//! A sharded cluster of real config servers and one real shard. What no test here proves is how it is with a mongos in front:
//! there is none to be had.

use std::time::Duration;

use mongodb::bson::doc;
use stateful_engines::mongodb::Mongodb;
use stateful_engines::{Canary, Switchover};
use stateful_engines::{Endpoint, NoClientPause};
use stateful_safety::Blocks;
use tokio::sync::watch;

use crate::servers::{Servers, name};

/// A canary writes every 20 ms: for as long as this there is something to read back.
const WRITTEN_FOR: Duration = Duration::from_secs(2);

/// What its topology says, and the codes against an upgrade of it.
async fn part_of(servers: &Servers, endpoints: &[Endpoint]) -> (String, Vec<&'static str>) {
    let assessment = servers.whole_of(endpoints).await;
    let codes = assessment.blockers_of(Blocks::Upgrade).map(|blocker| blocker.code).collect();
    (assessment.topology, codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_cluster_knows_itself_and_the_config_servers_alone_know_the_balancer() {
    let Some(servers) = Servers::start_sharded().await else { return };
    let endpoints = servers.endpoints();
    let (config, shard) = endpoints.split_at(2);

    let config_servers = "the config servers of a sharded cluster (its shards: shop-a)";
    let (topology, codes) = part_of(&servers, config).await;
    assert!(topology.contains(config_servers) && topology.ends_with("balancer on"), "{topology}");
    assert_eq!(codes, ["STF-MG-008"], "as long as it was not told otherwise");
    for (order, balancer, against) in [
        ("_configsvrBalancerStop", "balancer off", vec![]),
        ("_configsvrBalancerStart", "balancer on", vec!["STF-MG-008"]),
    ] {
        servers.order(0, doc! { order: 1, "maxTimeMS": 30_000 }).await;
        let (topology, codes) = part_of(&servers, config).await;
        assert!(topology.ends_with(balancer), "{order}: {topology}");
        assert_eq!(codes, against, "{order}");
    }
    let (topology, codes) = part_of(&servers, shard).await;
    assert!(topology.ends_with("shard shop-a of a sharded cluster, balancer not known"), "{topology}");
    assert_eq!(codes, ["STF-MG-009"]);
}

/// Config servers take no database of anybody's: the canary writes where they let it.
#[tokio::test(flavor = "multi_thread")]
async fn config_servers_and_shards_have_canaries_and_config_servers_hand_over_without_losing_a_write() {
    let Some(servers) = Servers::start_sharded().await else { return };
    let all = servers.endpoints();
    for endpoints in [all[..2].to_vec(), all[2..].to_vec()] {
        let engine = Mongodb::default();
        let (_doors, shown) = watch::channel(endpoints.clone());
        let (stop, stopped) = watch::channel(false);
        let canary = engine.run_canary(shown, stopped);
        let moves = async {
            if endpoints.len() > 1 {
                engine.switch_over(&endpoints, &[], &name(0), &name(1), &NoClientPause).await.expect("switched over");
            }
            tokio::time::sleep(WRITTEN_FOR).await;
            stop.send_replace(true);
        };
        let (ledger, ()) = tokio::join!(canary, moves);
        let ledger = ledger.expect("a ledger");
        eprintln!("{ledger:?}");
        assert!(ledger.acknowledged > 50, "{ledger:?}");
        assert!(ledger.lost == 0 && ledger.failed == 0 && ledger.unknown == 0, "{ledger:?}");
    }
}
