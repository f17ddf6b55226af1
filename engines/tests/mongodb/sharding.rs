//! A sharded cluster of real config servers and one real shard. What no law here proves is how it is with a mongos in front:
//! no package registry has one.

use std::time::Duration;

use mongodb::bson::doc;
use stateful_engines::{Endpoint, NoClientPause};
use stateful_safety::Blocks;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::common::database::Database;
use crate::mongodb::servers::{Servers, name};

/// A canary writes every 20 ms: after this there is something to read back.
const WRITTEN_FOR: Duration = Duration::from_secs(2);

/// What its topology says, and the codes that stand against an upgrade of it.
async fn part_of(servers: &Servers, endpoints: &[Endpoint]) -> (String, Vec<&'static str>) {
    let assessment = servers.settles(endpoints).await;
    let codes = assessment.blockers_of(Blocks::Upgrade).map(|blocker| blocker.code).collect();
    (assessment.topology, codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_cluster_knows_itself_and_only_the_config_servers_know_the_balancer() {
    let servers = Servers::sharded().await;
    let endpoints = servers.endpoints();
    let (config, shard) = endpoints.split_at(2);

    let config_servers = "the config servers of a sharded cluster (its shards: shop-a)";
    let (topology, codes) = part_of(&servers, config).await;
    assert!(topology.contains(config_servers) && topology.ends_with("balancer on"), "{topology}");
    assert_eq!(codes, ["STF-MG-008"], "it is on until it is stopped");
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

/// Config servers take no database of a client's: the canary writes where they let it.
#[tokio::test(flavor = "multi_thread")]
async fn config_servers_and_shards_have_canaries_and_config_servers_switch_over_without_losing_a_write() {
    let servers = Servers::sharded().await;
    let all = servers.endpoints();
    for part in [all[..2].to_vec(), all[2..].to_vec()] {
        let adapter = servers.adapter();
        let (_endpoints, endpoints) = watch::channel(part.clone());
        let (stop, stopped) = watch::channel(false);
        let canary = adapter.canary().expect("it has a canary").run_canary(endpoints, stopped);
        let switchover = async {
            if part.len() > 1 {
                adapter
                    .switchover()
                    .expect("it switches over")
                    .switch_over(&part, &[], &name(0), &name(1), &NoClientPause)
                    .await
                    .expect("a switchover");
            }
            sleep(WRITTEN_FOR).await;
            stop.send_replace(true);
        };
        let (ledger, ()) = tokio::join!(canary, switchover);
        let ledger = ledger.expect("a ledger");
        println!("{ledger:?}");
        assert!(ledger.acknowledged > 50, "{ledger:?}");
        assert!(ledger.lost == 0 && ledger.failed == 0 && ledger.unknown == 0, "{ledger:?}");
    }
}
