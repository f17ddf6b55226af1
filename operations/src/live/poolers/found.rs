//! The poolers in front of a workload, as the search returns them, and how to connect to their consoles.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stateful_cluster::connection::port_forwards::PortForwards;
use stateful_engines::{Credentials, DialConfig, Endpoint, PoolerTarget, Secret};
use stateful_safety::Member;

/// A pooler in front of the workload.
pub(in crate::live) struct FoundPooler {
    pub(in crate::live) target: PoolerTarget,
    pub(in crate::live) console: ConsoleAccess,
}

/// All that a process needs to connect to a pooler's console. It holds a password, so it is never printed; it is written in
/// one place only, the pipe to the watchdog.
#[derive(Clone, Serialize, Deserialize)]
pub(in crate::live) struct ConsoleAccess {
    pub(in crate::live) pod: Member,
    pub(in crate::live) port: u16,
    pub(in crate::live) username: Option<String>,
    pub(in crate::live) password: Option<String>,
}

impl ConsoleAccess {
    /// The endpoint of the console.
    pub(in crate::live) async fn endpoint(&self, port_forwards: &PortForwards) -> Endpoint {
        let password = self.password.clone().map(Secret::new);
        let credentials = Credentials { username: self.username.clone(), password };
        // A port-forward that broke reports that once, perhaps long after: the second call opens a new one.
        let way = match port_forwards.way(&self.pod, self.port).await {
            Err(_) => port_forwards.way(&self.pod, self.port).await,
            way => way,
        };
        Endpoint {
            member: self.pod.name.clone(),
            incarnation: format!("{}:{}", self.pod.uid, self.port),
            address: self.pod.address.clone(),
            kept: Vec::new(),
            starts: Arc::default(),
            dial_config: way.map(|(host, port)| DialConfig { host, port, tls: None, credentials }),
        }
    }
}

/// What was found.
#[derive(Default)]
pub(in crate::live) struct FoundPoolers {
    /// Those whose clients can wait.
    pub(in crate::live) pausable: Vec<FoundPooler>,
    /// Those, with the pools, whose clients wait already although this operation has not paused them.
    pub(in crate::live) paused: Vec<FoundPooler>,
    /// What people should know of the others: their clients notice a switchover and have to connect again.
    pub(in crate::live) notes: Vec<String>,
}
