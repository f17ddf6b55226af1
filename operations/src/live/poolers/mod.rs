//! LOOK. The poolers in front of one workload: found among the pods beside it, and asked where they lead.

mod filter;
mod found;
mod pause;
mod watchdog;

use filter::sort_pools;
use found::ConsoleAccess;
pub(super) use found::FoundPoolers;
use futures::future::join_all;
pub(super) use pause::PoolerPause;
use stateful_cluster::Cluster;
use stateful_cluster::connection::port_forwards::PortForwards;
use stateful_cluster::discovery::poolers;
use stateful_cluster::discovery::poolers::PoolerPod;
use stateful_engines::{Endpoint, Pool, PoolerControl};
use stateful_safety::Workload;
pub(super) use watchdog::Watchdog;
pub use watchdog::watch;

/// Finds them. One that cannot be asked is no obstacle: without a pause nothing is lost either.
pub(super) async fn find(
    cluster: &Cluster,
    workload: &Workload,
    pooler_control: &dyn PoolerControl,
    port_forwards: &PortForwards,
) -> FoundPoolers {
    let mut found = FoundPoolers::default();
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
            Ok((console, endpoint, pools)) => sort_pools(&mut found, workload, &console, &endpoint, &pools),
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
) -> Result<(ConsoleAccess, Endpoint, Vec<Pool>), String> {
    let connection_config = pooler_control.connection_config(&pod.facts);
    let secrets = pod.resolve_secrets(cluster, &connection_config).await.map_err(|error| error.to_string())?;
    let (username, password) = secrets.login()?;
    let console = ConsoleAccess { pod: pod.pod.clone(), port: connection_config.port, username, password };
    let endpoint = console.endpoint(port_forwards).await;
    let pools = pooler_control.ask(&endpoint).await.map_err(|error| error.to_string())?;
    Ok((console, endpoint, pools))
}
