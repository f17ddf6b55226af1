//! What a process that died in a switchover has left on the Sentinels and on the members: its settings, and the fence.

use std::time::{Duration, Instant};

use redis::cmd;
use tokio::time::sleep;

use super::super::SwitchoverContext;
use super::settings::{
    BEST_PRIORITY, FAILOVER_TIMEOUT, SentinelFields, describes, failover_timeout_of_others, masters, priorities,
    priority_of, set_failover_timeout, set_priority, usual_priority,
};
use super::write_fence;
use crate::Endpoint;
use crate::redis::connections::Connections;

/// A failover takes two seconds, and gives up after ten ([`FAILOVER_TIMEOUT`]); the old primary is a replica some 16 s after it.
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// Sets back what a process of ours that died has left. Returns sentences that say what was set back, and what could not be.
pub(in crate::redis::switchover) async fn take_back(
    connections: &Connections,
    endpoints: &[Endpoint],
    sentinels: &[Endpoint],
) -> Vec<String> {
    let mut told = Vec::new();
    until_quiet(connections, sentinels).await;
    for sentinel in sentinels {
        let Ok((mut connection, masters)) = masters(connections, sentinel).await else { continue };
        let is_ours = |master: &&SentinelFields| master.get("failover-timeout") == Some(&FAILOVER_TIMEOUT.to_string());
        for name in masters.iter().filter(is_ours).filter_map(|master| master.get("name")) {
            if !is_quiet(&masters, name) {
                told.push(format!("{} is still busy with a failover of {name}", sentinel.member));
                continue;
            }
            let before = failover_timeout_of_others(connections, sentinels, name).await;
            let back = set_failover_timeout(name, &before).query_async::<()>(&mut connection).await;
            told.push(sentence(&sentinel.member, &format!("failover-timeout of {name}"), &before, back));
        }
    }
    for endpoint in endpoints {
        if may_take_writes(connections, endpoints, sentinels, endpoint).await {
            match write_fence::take_off(connections, endpoints, endpoint).await {
                Ok(false) => {}
                Ok(true) => {
                    told.push(format!("{} takes writes again, which a switchover had it refuse", endpoint.member));
                }
                Err(error) => told.push(format!(
                    "{} may still refuse writes: redis-cli CONFIG SET min-replicas-to-write 0, on it ({error})",
                    endpoint.member
                )),
            }
        }
        let Ok(mut connection) = connections.to(endpoint).await else { continue };
        if priority_of(&mut connection, &endpoint.member).await.is_ok_and(|priority| priority == BEST_PRIORITY) {
            let before = usual_priority(&priorities(connections, endpoints, &endpoint.member).await);
            let back = set_priority(before).query_async::<()>(&mut connection).await;
            drop(cmd("CONFIG").arg("REWRITE").query_async::<()>(&mut connection).await); // it may have no file
            told.push(sentence(&endpoint.member, "replica-priority", &before.to_string(), back));
        }
    }
    told
}

/// Waits until no Sentinel has a failover under way any more, or for a while.
async fn until_quiet(connections: &Connections, sentinels: &[Endpoint]) {
    let started = Instant::now();
    while started.elapsed() < QUIET_WITHIN {
        let mut busy = false;
        for sentinel in sentinels {
            if let Ok((_, masters)) = masters(connections, sentinel).await {
                let is_busy =
                    |master: &SentinelFields| master.get("flags").is_none_or(|flags| flags.contains("failover"));
                busy |= masters.iter().any(is_busy);
            }
        }
        if !busy {
            return;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Whether a member may take writes, as far as its role goes: a replica refuses them by itself, and a primary may if every
/// Sentinel that answers names it and has no failover under way.
async fn may_take_writes(
    connections: &Connections,
    endpoints: &[Endpoint],
    sentinels: &[Endpoint],
    endpoint: &Endpoint,
) -> bool {
    let (from, to) = (endpoint.member.as_str(), endpoint.member.as_str());
    let context = SwitchoverContext { connections, endpoints, from, to };
    if context.follows(&endpoint.member).await {
        return true;
    }
    let mut named = false;
    for sentinel in sentinels {
        let Ok((_, masters)) = masters(connections, sentinel).await else { continue };
        for other in endpoints {
            let Some(master) = masters.iter().find(|master| describes(&context, &other.member, master)) else {
                continue;
            };
            let is_at_peace = master.get("flags").is_some_and(|flags| flags == "master");
            if other.member != endpoint.member || !is_at_peace {
                return false;
            }
            named = true;
        }
    }
    named
}

/// Whether no failover of it is under way: one must not get more time than writes are paused.
fn is_quiet(masters: &[SentinelFields], name: &str) -> bool {
    let of_that_name = |master: &&SentinelFields| master.get("name").is_some_and(|its| its == name);
    masters.iter().find(of_that_name).and_then(|master| master.get("flags")).is_some_and(|flags| flags == "master")
}

fn sentence(member: &str, setting: &str, before: &str, back: redis::RedisResult<()>) -> String {
    match back {
        Ok(()) => format!("{member} has its {setting} again ({before}), which a switchover had changed"),
        Err(error) => format!("{member} may still have the {setting} of a switchover instead of {before}: {error}"),
    }
}
