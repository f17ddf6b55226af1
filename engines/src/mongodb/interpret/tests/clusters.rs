//! The same of a sharded cluster's parts.

use mongodb::bson::{Document, doc};
use stateful_safety::{Assessment, Blocks, Sync};

use super::{assert_means, changed, interpret, recorded};
use crate::mongodb::{Cluster, Withheld};

fn against_upgrade(assessment: &Assessment) -> Vec<&'static str> {
    assessment.blockers_of(Blocks::Upgrade).map(|blocker| blocker.code).collect()
}

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
    let assessment = interpret(&headless, 1);
    assert_eq!(against_upgrade(&assessment), ["STF-MG-009"], "what one that does not lead has may be old");
    let waits = |blocker: &stateful_safety::Blocker| blocker.effect.passes.may_pass();
    assert!(assessment.blockers_of(Blocks::Upgrade).all(waits), "config servers elect a primary by themselves");
    for (case, codes) in [("config-servers-balancing", vec!["STF-MG-008"]), ("config-servers-balancer-off", vec![])] {
        let assessment = interpret(&recorded(case), 1);
        assert_eq!(against_upgrade(&assessment), codes);
        assert_eq!(assessment.blockers_of(Blocks::Finalize).count(), 1, "a mongos makes a release final");
    }
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
    assert!(
        unread.topology.contains("a shard of a sharded cluster"),
        "what it was started as tells: {}",
        unread.topology
    );
    assert_eq!(against_upgrade(&unread), ["STF-MG-009"]);
    let waits = |blocker: &stateful_safety::Blocker| blocker.effect.passes.may_pass();
    assert!(!unread.blockers_of(Blocks::Upgrade).any(waits), "its own members will never know");
    let moving = changed("shard", 0, |answers| {
        answers.cluster = Some(Cluster { leaving: vec![doc! { "nss": "shop.orders" }], ..Cluster::default() });
    });
    assert_eq!(against_upgrade(&moving), ["STF-MG-010", "STF-MG-009"]);
    assert!(moving.blockers.iter().any(|blocker| blocker.text.contains("a chunk of shop.orders is on its way")));
    let own = interpret(&recorded("healthy"), 1);
    assert_eq!((own.blockers, own.upgrade_notes), (vec![], vec![]), "a set of its own is in no cluster");
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
