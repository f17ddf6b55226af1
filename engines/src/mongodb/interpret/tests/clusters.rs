//! The same of a sharded cluster's parts.

use mongodb::bson::{Document, doc};
use stateful_safety::{Balancer, Part, Sync};

use super::{assert_means, changed, interpret, recorded};
use crate::mongodb::{Cluster, Withheld};

/// A cluster of one shard, put together without a mongos.
#[test]
fn config_servers_know_their_shards_and_whether_the_balancer_is_on() {
    let members = "cfg (a write needs 2): mongo-0 primary, in sync; mongo-1 replica, in sync";
    let vote = "2 of voting members of the set: mongo-0, mongo-1";
    for (case, balancer) in [("config-servers-balancing", "on"), ("config-servers-balancer-off", "off")] {
        let topology =
            format!("replica set, the config servers of a sharded cluster (its shards: shop-a), balancer {balancer}");
        assert_means(case, &[&topology, members, vote]);
    }
    let mut headless = recorded("config-servers-balancer-off");
    headless[0].answer = Err("no answer within 2s".to_owned());
    let sharding = interpret(&headless, 1).sharding.expect("a part of a cluster");
    assert_eq!(sharding.balancer, Balancer::Unknown, "what one that does not lead has may be old");
}

#[test]
fn a_shard_cannot_tell_whether_the_balancer_is_on_and_a_chunk_that_leaves_it_is_known() {
    assert_means(
        "shard",
        &[
            "replica set, shard shop-a of a sharded cluster, balancer not known",
            "shop-a (a write needs 1): mongo-2 primary, in sync",
            "1 of voting members of the set: mongo-2",
        ],
    );
    let unread = changed("shard", 0, |answers| {
        (answers.shard, answers.withheld) = (Document::new(), vec![Withheld::Shard]);
    });
    let part = unread.sharding.expect("what it was started as tells as much").part;
    assert_eq!(part, Part::Shard { name: None });
    let moving = changed("shard", 0, |answers| {
        answers.cluster = Some(Cluster { leaving: vec![doc! { "nss": "shop.orders" }], ..Cluster::default() });
    });
    assert_eq!(moving.sharding.expect("a part of a cluster").leaving, ["shop.orders"]);
    assert_eq!(interpret(&recorded("healthy"), 1).sharding, None, "a set of its own is in no cluster");
}

/// As the manual has it: no mongos was at hand to record.
#[test]
fn a_mongos_is_known_to_hold_nothing() {
    let routers = changed("in-no-set", 0, |answers| {
        answers.hello.insert("msg", "isdbgrid");
    });
    assert_eq!(routers.topology, "mongos, the routers of a sharded cluster");
    let sync = &routers.member("mongo-0").expect("it is there").sync;
    assert!(matches!(sync, Sync::Behind { why } if why.contains("kubectl rollout restart")), "{sync:?}");
}
