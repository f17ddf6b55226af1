//! LOOK. Connections to one workload's servers, prepared once and used for every snapshot.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::connection::port_forwards::PortForwards;
use stateful_cluster::discovery::container;
use stateful_cluster::discovery::credentials;
use stateful_cluster::discovery::start_scripts;
use stateful_cluster::{Cluster, Error as ClusterError};
use stateful_engines::{Endpoint, Engine, Watchers};
use stateful_safety::{Assessment, Member, Millis, StartScripts, Workload};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::endpoints::EndpointBuilder;

/// What starts the members is read again after this: a ConfigMap changes without a trace in the StatefulSet. A switchover acts on
/// scripts that are no older; two hundred guarded databases ask the API server some ten times a second.
const SCRIPTS_READ_EVERY: Millis = 60_000;

/// How long the API server may take for that. Two requests or three, each of which takes milliseconds.
const SCRIPTS_READ_WITHIN: Duration = Duration::from_millis(500);

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

/// Observes the servers of one workload: its engine's adapter, its credentials, its port-forwards. It does not read the
/// StatefulSet, but for what starts its members: the caller says what the workload is now, so that the guard can observe without
/// asking the API server.
pub struct Observer {
    engine: Arc<dyn Engine>,
    endpoints: EndpointBuilder,
    port_forwards: PortForwards,
    cluster: Cluster,
    scripts: Mutex<ReadScripts>,
}

/// What starts the members, and when it was read.
struct ReadScripts {
    at: Millis,
    scripts: Arc<StartScripts>,
}

impl Observer {
    /// Reads what the container declares and the Secrets that it refers to.
    pub async fn open(cluster: &Cluster, workload: &Workload) -> Result<Self, OpenError> {
        let unopened = |why: String| OpenError::NoWayIn { workload: workload.id.to_string(), why };
        let engine = stateful_engines::open(workload.engine.name())
            .ok_or_else(|| unopened(format!("there is no adapter for {}", workload.engine)))?;
        let facts = container::read_facts(cluster, &workload.id).await?;
        let connection_config = engine.connection_config(&facts);
        let secrets = credentials::resolve(cluster, &workload.id, &connection_config).await?;
        let scripts = Arc::new(start_scripts::read(cluster, &workload.id).await?);
        let scripts = ReadScripts { at: Timestamp::now().as_millisecond(), scripts };
        Ok(Self {
            engine: Arc::from(engine),
            endpoints: EndpointBuilder::new(connection_config, secrets, facts.kept).map_err(unopened)?,
            port_forwards: PortForwards::new(cluster, &workload.id.namespace),
            cluster: cluster.clone(),
            scripts: Mutex::new(scripts),
        })
    }

    /// Asks every member. The endpoints that it used come with what they answered.
    pub async fn assess(&self, workload: &Workload, now: Millis) -> (Assessment, Vec<Endpoint>) {
        let scripts = self.scripts(workload, now).await;
        let endpoints = self.endpoints.endpoints(workload, &scripts, &self.port_forwards).await;
        (self.engine.assess(&endpoints, now).await, endpoints)
    }

    /// What starts the members, read again where that was long ago. While it cannot be read again, what was read before counts:
    /// the API server is away then, and no script is changed without it.
    async fn scripts(&self, workload: &Workload, now: Millis) -> Arc<StartScripts> {
        let mut read = self.scripts.lock().await;
        if now - read.at >= SCRIPTS_READ_EVERY {
            // Now or in another minute: an API server that is slow must not hold up what the members are asked.
            read.at = now;
            if let Ok(Ok(again)) = timeout(SCRIPTS_READ_WITHIN, start_scripts::read(&self.cluster, &workload.id)).await
            {
                read.scripts = Arc::new(again);
            }
        }
        Arc::clone(&read.scripts)
    }

    /// The engine's adapter.
    pub(super) fn engine(&self) -> Arc<dyn Engine> {
        Arc::clone(&self.engine)
    }

    /// The port-forwards to pods of its namespace.
    pub(super) const fn port_forwards(&self) -> &PortForwards {
        &self.port_forwards
    }

    /// Endpoints of the servers that watch over the members (Sentinels), in these pods.
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
