//! A sharded cluster of real config servers and one real shard. What no test here proves is how it is with a mongos in front:
//! there is none to be had.

use std::time::Duration;

use mongodb::bson::doc;
use stateful_engines::mongodb::Mongodb;
use stateful_engines::{Endpoint, Engine, NoClientPause};
use stateful_safety::{Balancer, Part, Sharded, Sharding};
use tokio::sync::watch;

use crate::servers::{Servers, name};

/// A canary writes every 20 ms: for as long as this there is something to read back.
const WRITTEN_FOR: Duration = Duration::from_secs(2);

async fn sharding(servers: &Servers, endpoints: &[Endpoint]) -> Sharding {
    servers.whole_of(endpoints).await.sharding.expect("a part of a cluster")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_cluster_knows_itself_and_the_config_servers_alone_know_the_balancer() {
    let Some(servers) = Servers::start_sharded().await else { return };
    let endpoints = servers.endpoints();
    let (config, shard) = endpoints.split_at(2);
    let codes = |sharding: &Sharding| sharding.against_renewal().iter().map(Sharded::code).collect::<Vec<_>>();

    let told = sharding(&servers, config).await;
    assert_eq!(told.part, Part::ConfigServers { shards: vec!["shop-a".to_owned()] });
    assert_eq!((told.balancer, codes(&told)), (Balancer::On, vec!["STF-MG-008"]), "as long as nobody says otherwise");
    for (order, balancer, against) in [
        ("_configsvrBalancerStop", Balancer::Off, vec![]),
        ("_configsvrBalancerStart", Balancer::On, vec!["STF-MG-008"]),
    ] {
        servers.order(0, doc! { order: 1, "maxTimeMS": 30_000 }).await;
        let told = sharding(&servers, config).await;
        assert_eq!((told.balancer, codes(&told)), (balancer, against), "{order}");
    }
    let told = sharding(&servers, shard).await;
    assert_eq!(told.part, Part::Shard { name: Some("shop-a".to_owned()) });
    assert_eq!((told.balancer, codes(&told)), (Balancer::Unknown, vec!["STF-MG-009"]));
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
        let canary = engine.canary(shown, stopped);
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
