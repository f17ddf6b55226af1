//! The poolers in front of a workload, as the search returns them, and how to connect to their consoles.

use serde::{Deserialize, Serialize};
use stateful_cluster::connection::port_forwards::PortForwards;
use stateful_engines::{Credentials, DialConfig, Endpoint, PoolerTarget, Secret};
use stateful_safety::Member;

/// A pooler that can be paused.
pub(super) struct Pooler {
    pub(super) front: PoolerTarget,
    pub(super) key: Key,
}

/// All that is needed to get in to a pooler's console, from any process. It holds a password, so it is never printed; it
/// is written down in one place, the pipe to the watchdog.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) pod: Member,
    pub(super) port: u16,
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
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
            dial_config: way.map(|(host, port)| DialConfig { host, port, tls: None, credentials }),
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
