//! Which part of a sharded cluster a set is, and whether the balancer is on. Only the config servers know, and only their primary
//! for certain: what its secondaries have may be old.

use mongodb::bson::Document;

use super::{Answers, MemberAnswers, answers};
use crate::mongodb::{Balancer, Part, ShardedCluster, Sharding};

/// None where it is in no cluster.
pub(super) fn sharding(seen: &[MemberAnswers], primary: Option<&MemberAnswers>) -> Option<Sharding> {
    let leader = primary.and_then(answers);
    let leaders = leader.and_then(|leader| leader.cluster.as_ref());
    let mut members = seen.iter().filter_map(answers);
    // Since 8.0 config servers may keep data as well: those are both, and the balancer is theirs.
    if members.clone().any(Answers::is_config_server) {
        let shards = leaders.map(|cluster| texts(&cluster.shards, "_id")).unwrap_or_default();
        return Some(Sharding {
            part: Part::ConfigServers { shards },
            balancer: leaders.map_or(Balancer::Unknown, balancer),
            leaving: leaders.map(leaving).unwrap_or_default(),
        });
    }
    members.clone().any(Answers::is_shard).then(|| Sharding {
        part: Part::Shard { name: members.find_map(|own| own.shard.get_str("shardName").ok()).map(ToOwned::to_owned) },
        balancer: Balancer::Unknown,
        leaving: leaders.map(leaving).unwrap_or_default(),
    })
}

/// On unless it is turned off (`BalancerSettingsType::fromBSON` of the server: `stopped` comes before `mode`).
fn balancer(cluster: &ShardedCluster) -> Balancer {
    let settings = &cluster.balancer;
    let stopped = settings.get_bool("stopped").unwrap_or(false);
    let is_off = stopped || settings.get_str("mode").is_ok_and(|mode| mode == "off");
    if is_off { Balancer::Off } else { Balancer::On }
}

fn leaving(cluster: &ShardedCluster) -> Vec<String> {
    texts(&cluster.leaving, "nss")
}

fn texts(documents: &[Document], key: &str) -> Vec<String> {
    documents.iter().map(|document| document.get_str(key).unwrap_or("?").to_owned()).collect()
}
