//! LOOK. The poolers in front of one workload: found among the pods beside it, and asked where they lead.

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use stateful_cluster::Cluster;
use stateful_cluster::connection::port_forwards::PortForwards;
use stateful_cluster::discovery::poolers;
use stateful_cluster::discovery::poolers::PoolerPod;
use stateful_engines::{Credentials, DialConfig, Endpoint, Pool, PoolerControl, PoolerTarget, Secret};
use stateful_safety::{Member, Workload};

use super::pool_filter::sort;

/// A pooler that can be paused.
pub(super) struct Pooler {
    pub(super) front: PoolerTarget,
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
    pub(super) async fn endpoint(&self, port_forwards: &PortForwards) -> Endpoint {
        let password = self.password.clone().map(Secret::new);
        let credentials = Credentials { username: self.username.clone(), password };
        // A tunnel that broke says so once, and that may have been long ago: it is dug anew by the second call.
        let way = match port_forwards.way(&self.pod, self.port).await {
            Err(_) => port_forwards.way(&self.pod, self.port).await,
            way => way,
        };
        Endpoint {
            member: self.pod.name.clone(),
            incarnation: format!("{}:{}", self.pod.uid, self.port),
            address: self.pod.address.clone(),
            kept: Vec::new(),
            way: way.map(|(host, port)| DialConfig { host, port, tls: None, credentials }),
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
    /// What people should know of the others: their clients notice a switchover and have to connect again.
    pub(super) notes: Vec<String>,
}

/// Finds them. One that cannot be asked is no obstacle: without a pause nothing is lost either.
pub(super) async fn find(
    cluster: &Cluster,
    workload: &Workload,
    pooler_control: &dyn PoolerControl,
    port_forwards: &PortForwards,
) -> Poolers {
    let mut found = Poolers::default();
    let pods = match poolers::list(cluster, &workload.id.namespace).await {
        Ok(pods) => pods,
        Err(error) => {
            found.notes.push(format!("it is not known whether there are poolers in front: {error}"));
            return found;
        }
    };
    let asked = pods.iter().map(|pod| async move { (pod, ask(cluster, pod, pooler_control, port_forwards).await) });
    for (pod, answer) in join_all(asked).await {
        match answer {
            Ok((key, endpoint, pools)) => sort(&mut found, workload, &key, &endpoint, &pools),
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
    pooler_control: &dyn PoolerControl,
    port_forwards: &PortForwards,
) -> Result<(Key, Endpoint, Vec<Pool>), String> {
    let connection_config = pooler_control.connection_config(&pod.facts);
    let keys = pod.resolve_secrets(cluster, &connection_config).await.map_err(|error| error.to_string())?;
    let (username, password) = keys.login()?;
    let key = Key { pod: pod.pod.clone(), port: connection_config.port, username, password };
    let endpoint = key.endpoint(port_forwards).await;
    let pools = pooler_control.ask(&endpoint).await.map_err(|error| error.to_string())?;
    Ok((key, endpoint, pools))
}
