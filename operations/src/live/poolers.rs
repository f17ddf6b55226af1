//! LOOK. The poolers in front of one workload: found among the pods beside it, and asked where they lead.

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use stateful_cluster::{Cluster, PoolerPod, Tunnels};
use stateful_engines::{Credentials, Door, Front, Pool, Pooling, Secret, Way};
use stateful_safety::{Member, Workload};

/// A pooler that can be paused.
pub(super) struct Pooler {
    pub(super) front: Front,
    pub(super) key: Key,
}

/// All that is needed to get in to a pooler's console, from any process. It holds a password, so it is never printed; it
/// is written down in one place, the pipe to the watchdog.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pod: Member,
    port: u16,
    username: Option<String>,
    password: Option<String>,
}

impl Key {
    /// A door to the console.
    pub(super) async fn door(&self, tunnels: &Tunnels) -> Door {
        let password = self.password.clone().map(Secret::new);
        let credentials = Credentials { username: self.username.clone(), password };
        let way = tunnels.way(&self.pod, self.port).await;
        Door {
            member: self.pod.name.clone(),
            incarnation: format!("{}:{}", self.pod.uid, self.port),
            address: self.pod.address.clone(),
            kept: Vec::new(),
            way: way.map(|(host, port)| Way { host, port, tls: None, credentials }),
        }
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Poolers {
    /// Those whose clients can wait.
    pub(super) able: Vec<Pooler>,
    /// Those, with the pools, whose clients wait already although nobody should be moving the database.
    pub(super) paused: Vec<Pooler>,
    /// What people should know of the others: their clients notice a handover and have to connect again.
    pub(super) notes: Vec<String>,
}

/// Finds them. One that cannot be asked is no obstacle: without a pause nothing is lost either.
pub(super) async fn find(cluster: &Cluster, workload: &Workload, pooling: &dyn Pooling, tunnels: &Tunnels) -> Poolers {
    let mut found = Poolers::default();
    let pods = match stateful_cluster::poolers(cluster, &workload.id.namespace).await {
        Ok(pods) => pods,
        Err(error) => {
            found.notes.push(format!("it is not known whether there are poolers in front: {error}"));
            return found;
        }
    };
    let asked = pods.iter().map(|pod| async move { (pod, ask(cluster, pod, pooling, tunnels).await) });
    for (pod, answer) in join_all(asked).await {
        match answer {
            Ok((key, door, pools)) => sort(&mut found, workload, &key, &door, &pools),
            Err(why) => found.notes.push(format!(
                "{} is a pooler that cannot be asked where it leads ({why}): if it is in front, its clients will have to \
                 connect again; name its user and password by the annotations kubectl-stateful.dev/pooler-username and \
                 kubectl-stateful.dev/pooler-password-secret on its pods",
                pod.pod.name
            )),
        }
    }
    found
}

async fn ask(
    cluster: &Cluster,
    pod: &PoolerPod,
    pooling: &dyn Pooling,
    tunnels: &Tunnels,
) -> Result<(Key, Door, Vec<Pool>), String> {
    let entrance = pooling.entrance(&pod.facts);
    let keys = pod.keys(cluster, &entrance).await.map_err(|error| error.to_string())?;
    let password =
        keys.password.map(String::from_utf8).transpose().map_err(|_| "its password is no text".to_owned())?;
    let key = Key { pod: pod.pod.clone(), port: entrance.port, username: entrance.username, password };
    let door = key.door(tunnels).await;
    let pools = pooling.ask(&door).await?;
    Ok((key, door, pools))
}

/// THINK. What can be done with the pools of one pooler.
fn sort(found: &mut Poolers, workload: &Workload, key: &Key, door: &Door, pools: &[Pool]) {
    let (mut able, mut paused) = (Vec::new(), Vec::new());
    for pool in pools {
        match leads(workload, pool) {
            Leads::Elsewhere => {}
            Leads::ToMember => found.notes.push(format!(
                "pool {} of {} leads to {} itself, not to whoever leads: its clients will find a standby there",
                pool.name,
                door.member,
                pool.hosts.join(", ")
            )),
            Leads::ToPrimary if pool.paused => paused.push(pool.name.clone()),
            Leads::ToPrimary if pool.per_session => found.notes.push(format!(
                "pool {} of {} lends connections per session: a pause would wait for its clients to go, so they will \
                 have to connect again",
                pool.name, door.member
            )),
            Leads::ToPrimary => able.push(pool.name.clone()),
        }
    }
    let patience = pools.first().map(|pool| pool.patience.clone()).unwrap_or_default();
    let with =
        |pools| Pooler { front: Front { door: door.clone(), pools, patience: patience.clone() }, key: key.clone() };
    if !paused.is_empty() {
        let names = paused.join(", ");
        found.notes.push(format!("{names} of {} is paused already, by somebody else: left so", door.member));
        found.paused.push(with(paused));
    }
    if !able.is_empty() {
        found.able.push(with(able));
    }
}

/// Where a pool leads.
#[derive(Debug, PartialEq, Eq)]
enum Leads {
    ToPrimary,
    ToMember,
    Elsewhere,
}

fn leads(workload: &Workload, pool: &Pool) -> Leads {
    let [host] = &pool.hosts[..] else {
        // Several hosts are tried in turn: they are members, if any of them is.
        let member = pool.hosts.iter().any(|host| is_member(workload, host));
        return if member { Leads::ToMember } else { Leads::Elsewhere };
    };
    if workload.routes.iter().any(|route| is_service(&route.service, &workload.id.namespace, host)) {
        return Leads::ToPrimary;
    }
    if is_member(workload, host) { Leads::ToMember } else { Leads::Elsewhere }
}

/// Whether a host is a Service, by any of the names a pod of its namespace knows it by.
fn is_service(service: &str, namespace: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let full = format!("{service}.{namespace}");
    host == service || host == full || host.strip_prefix(&full).is_some_and(|rest| rest.starts_with(".svc"))
}

fn is_member(workload: &Workload, host: &str) -> bool {
    workload.members.iter().any(|member| {
        member.address.as_deref() == Some(host)
            || is_service(&workload.service, &workload.id.namespace, after(member, host))
    })
}

/// What follows a member's own name in a host.
fn after<'a>(member: &Member, host: &'a str) -> &'a str {
    host.strip_prefix(&member.name).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::is_service;

    #[test]
    fn a_service_is_known_by_all_its_names_and_no_other_is_taken_for_it() {
        for host in ["db", "db.shop", "db.shop.svc", "db.shop.svc.cluster.local", "db.shop.svc.cluster.local."] {
            assert!(is_service("db", "shop", host), "{host}");
        }
        for host in ["db2", "db.other", "db.shop2.svc", "db-read.shop.svc", "10.0.0.1", ""] {
            assert!(!is_service("db", "shop", host), "{host}");
        }
    }
}
