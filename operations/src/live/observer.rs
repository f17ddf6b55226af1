//! LOOK. The way in to one workload's servers, opened once and used for every look at them.

use std::sync::Arc;

use stateful_cluster::connection::port_forwards::PortForwards;
use stateful_cluster::discovery::container;
use stateful_cluster::discovery::credentials;
use stateful_cluster::{Cluster, Error as ClusterError};
use stateful_engines::{Endpoint, Engine, Watchers};
use stateful_safety::{Assessment, Member, Millis, Workload};

use super::endpoints::EndpointBuilder;

/// Why a workload cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Kubernetes.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// What the container says of its credentials or certificates leads nowhere.
    #[error("no way in to {workload}: {why}")]
    NoWayIn {
        /// The workload.
        workload: String,
        /// Why.
        why: String,
    },
}

/// The eye on one workload: its engine's adapter, its credentials, its tunnels. Knows no StatefulSet by itself: whoever
/// looks says what the workload is now, so that the guard can look at what it remembers without asking the API server.
pub struct Observer {
    engine: Arc<dyn Engine>,
    endpoints: EndpointBuilder,
    port_forwards: PortForwards,
}

impl Observer {
    /// Finds the way in: reads what the container declares and the Secrets that refers to.
    pub async fn open(cluster: &Cluster, workload: &Workload) -> Result<Self, OpenError> {
        let no_way = |why: String| OpenError::NoWayIn { workload: workload.id.to_string(), why };
        let engine = stateful_engines::open(workload.engine.name())
            .ok_or_else(|| no_way(format!("there is no adapter for {}", workload.engine)))?;
        let facts = container::read_facts(cluster, &workload.id).await?;
        let connection_config = engine.connection_config(&facts);
        let keys = credentials::resolve(cluster, &workload.id, &connection_config).await?;
        Ok(Self {
            engine: Arc::from(engine),
            endpoints: EndpointBuilder::new(connection_config, keys, facts.kept).map_err(no_way)?,
            port_forwards: PortForwards::new(cluster, &workload.id.namespace),
        })
    }

    /// Asks every member. The doors it went through come with what they said.
    pub async fn assess(&self, workload: &Workload, now: Millis) -> (Assessment, Vec<Endpoint>) {
        let endpoints = self.endpoints.endpoints(workload, &self.port_forwards).await;
        (self.engine.assess(&endpoints, now).await, endpoints)
    }

    /// The engine's adapter.
    pub(super) fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine)
    }

    /// The ways to pods of its namespace.
    pub(super) const fn port_forwards(&self) -> &PortForwards {
        &self.port_forwards
    }

    /// Ways to the servers that watch over the members, in these pods.
    pub(super) async fn watchers(&self, pods: &[Member]) -> Vec<Endpoint> {
        let mut watchers = Vec::new();
        if let Some(port) = self.engine.watchers().map(Watchers::watcher_port) {
            for pod in pods {
                watchers.push(self.endpoints.watcher(pod, port, &self.port_forwards).await);
            }
        }
        watchers
    }
}
