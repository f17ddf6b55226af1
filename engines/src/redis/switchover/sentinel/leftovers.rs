//! What a process that died in a switchover has left on the Sentinels and on the members: its settings, and the fence.

use std::time::{Duration, Instant};

use redis::cmd;
use tokio::time::sleep;

use super::super::SwitchoverContext;
use super::named_by_all::is_primary_by_all;
use super::settings::{
    BEST_PRIORITY, FAILOVER_TIMEOUT, SentinelFields, common_priority, describes, failover_timeout_of_others, masters,
    priorities, priority_of, set_failover_timeout, set_priority,
};
use super::write_fence;
use crate::redis::connections::Connections;
use crate::{Endpoint, NoClientPause};

/// A failover gives up after ten seconds for each of its parts ([`FAILOVER_TIMEOUT`]); after one that succeeds the Sentinels make
/// the old primary a replica some 16 s later.
const SETTLED_WITHIN: Duration = Duration::from_secs(40);

/// Sets back what a process of ours that died has left. Returns sentences that say what was set back, and what could not be.
pub(in crate::redis::switchover) async fn take_back(
    connections: &Connections,
    endpoints: &[Endpoint],
    sentinels: &[Endpoint],
) -> Vec<String> {
    let mut notes = Vec::new();
    // The fences first: by the timeout it is known which Sentinel would show a failover.
    for endpoint in endpoints {
        let member = endpoint.member.as_str();
        let context = SwitchoverContext { connections, endpoints, from: member, to: member, clients: &NoClientPause };
        notes.extend(take_off_fence(&context, sentinels, endpoint).await);
        notes.extend(restore_priority(&context, endpoint).await);
    }
    for sentinel in sentinels {
        notes.extend(restore_failover_timeout(connections, endpoints, sentinels, sentinel).await);
    }
    notes
}

/// Takes the fence off a member once it is known to be a replica, or the only primary.
async fn take_off_fence(
    context: &SwitchoverContext<'_>,
    sentinels: &[Endpoint],
    endpoint: &Endpoint,
) -> Option<String> {
    let member = &endpoint.member;
    if !write_fence::is_up(&mut context.connections.to(endpoint).await.ok()?).await {
        return None;
    }
    let begun = Instant::now();
    while begun.elapsed() < SETTLED_WITHIN {
        if context.follows(member).await || is_primary_by_all(context, sentinels, member).await {
            let mut connection = context.connections.to(endpoint).await.ok()?;
            return match write_fence::take_off(&mut connection).await {
                Ok(true) => {
                    Some(format!("{member} takes writes again when it is the primary: a switchover had fenced it"))
                }
                Ok(false) => None,
                Err(error) => Some(format!("{member} still refuses writes, which a switchover made it do: {error}")),
            };
        }
        sleep(Duration::from_millis(200)).await;
    }
    Some(format!(
        "{member} still refuses writes, which a switchover made it do, for the Sentinels and the other members do not all say that \
         it is the primary; where no other member is, on it: redis-cli CONFIG SET min-replicas-to-write 0"
    ))
}

async fn restore_priority(context: &SwitchoverContext<'_>, endpoint: &Endpoint) -> Option<String> {
    let member = &endpoint.member;
    let mut connection = context.connections.to(endpoint).await.ok()?;
    if priority_of(&mut connection, member).await.ok()? != BEST_PRIORITY {
        return None;
    }
    // Members of different priorities have been given them by the user, and this one's may be the user's own.
    let before = common_priority(&priorities(context.connections, context.endpoints, member).await)?;
    let back = set_priority(before).query_async::<()>(&mut connection).await;
    drop(cmd("CONFIG").arg("REWRITE").query_async::<()>(&mut connection).await); // it may have no file
    Some(sentence(member, "replica-priority", &before.to_string(), back))
}

/// Only of what this database's members are: others may be monitored by the same Sentinels, and switched over right now.
async fn restore_failover_timeout(
    connections: &Connections,
    endpoints: &[Endpoint],
    sentinels: &[Endpoint],
    sentinel: &Endpoint,
) -> Option<String> {
    let begun = Instant::now();
    loop {
        let (mut connection, masters) = masters(connections, sentinel).await.ok()?;
        let is_ours = |master: &&SentinelFields| {
            let describes_any = endpoints.iter().any(|endpoint| {
                let member = endpoint.member.as_str();
                describes(
                    &SwitchoverContext { connections, endpoints, from: member, to: member, clients: &NoClientPause },
                    member,
                    master,
                )
            });
            describes_any && master.get("failover-timeout") == Some(&FAILOVER_TIMEOUT.to_string())
        };
        let master = masters.iter().find(is_ours)?;
        let name = master.get("name")?;
        // A failover that is under way must not get more time.
        if master.get("flags").is_some_and(|flags| flags == "master") {
            let before = failover_timeout_of_others(connections, sentinels, name).await;
            let back = set_failover_timeout(name, &before).query_async::<()>(&mut connection).await;
            return Some(sentence(&sentinel.member, &format!("failover-timeout of {name}"), &before, back));
        }
        if begun.elapsed() > SETTLED_WITHIN {
            return Some(format!("{} is still busy with a failover of {name}", sentinel.member));
        }
        sleep(Duration::from_millis(200)).await;
    }
}

fn sentence(member: &str, setting: &str, before: &str, back: redis::RedisResult<()>) -> String {
    match back {
        Ok(()) => format!("{member} has its {setting} again ({before}), which a switchover had changed"),
        Err(error) => format!("{member} may still have the {setting} of a switchover instead of {before}: {error}"),
    }
}
