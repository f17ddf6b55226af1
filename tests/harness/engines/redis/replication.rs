//! `examples/redis-replication` and `examples/redis-sentinel`, deployed: a primary and its replicas.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::replication_client::ReplicationDriver;
use super::{PORT, Server};
use crate::engines::Deployment;
use crate::load::Endpoint;
use crate::{Namespace, Pod, overlay, until};

/// Three pods, their volumes, and Sentinels that find each other, on two busy cores; it takes 10 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(2);

/// A primary and two replicas, or another number of them.
#[derive(Debug, Clone)]
pub struct RedisReplication {
    namespace: Namespace,
    members: usize,
}

/// The same, watched by three Sentinels.
#[derive(Debug, Clone)]
pub struct RedisSentinel(RedisReplication);

impl RedisReplication {
    /// Deploys it with so many members; with one there is no replica.
    pub async fn deploy_members(namespace: &Namespace, version: &str, members: usize) -> Result<Self> {
        Self::deploy_example(namespace, "redis-replication", version, members).await
    }

    async fn deploy_example(namespace: &Namespace, example: &str, version: &str, members: usize) -> Result<Self> {
        overlay::apply_patched(namespace, example, version, &[overlay::members(members)]).await?;
        let database = Self { namespace: namespace.clone(), members };
        database.in_sync(FORMED_WITHIN).await?;
        Ok(database)
    }

    /// For the load: whichever member is the primary.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(ReplicationDriver::new(self))
    }

    /// A connection to one pod.
    pub async fn server(&self, pod: &str) -> Result<Server> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        Server::connect(self.namespace.reach(found, PORT).await?, None).await
    }

    /// The one primary; an error while there is none, or more than one.
    pub async fn primary(&self) -> Result<String> {
        let mut primaries = Vec::new();
        for pod in self.pods().await? {
            let role = self.server(&pod.name).await?.field(&["INFO", "replication"], "role").await?;
            if role.as_deref() == Some("master") {
                primaries.push(pod.name);
            }
        }
        ensure!(primaries.len() == 1, "primaries: {primaries:?}");
        Ok(primaries.remove(0))
    }

    /// The members that are not the primary.
    pub async fn replicas(&self) -> Result<Vec<String>> {
        let primary = self.primary().await?;
        Ok(self.pods().await?.into_iter().map(|pod| pod.name).filter(|name| *name != primary).collect())
    }

    /// The member that the Service `redis-primary` selects.
    pub async fn selected_by_service(&self) -> Result<String> {
        let service = self.namespace.get(&["service", "redis-primary"]).await?;
        let selected = service["spec"]["selector"]["statefulset.kubernetes.io/pod-name"].as_str();
        selected.map(ToOwned::to_owned).context("the Service selects no member")
    }

    /// Fails unless the primary counts every other member as a replica that has what it sent.
    async fn expect_followed(&self, primary: &str) -> Result<()> {
        let replication: String = self.server(primary).await?.ask(&["INFO", "replication"]).await?;
        let online = replication.lines().filter(|line| line.starts_with("slave") && line.contains("state=online"));
        let online: BTreeSet<&str> = online.collect();
        ensure!(online.len() + 1 == self.members, "{primary} is followed by {online:?}");
        Ok(())
    }
}

impl Deployment for RedisReplication {
    fn image(version: &str) -> String {
        super::image(version)
    }

    async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        Self::deploy_members(namespace, version, 3).await
    }

    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        let mut pods = self.namespace.pods("app.kubernetes.io/name=redis").await?;
        pods.retain(|pod| pod.name.starts_with("redis-"));
        Ok(pods)
    }

    async fn in_sync(&self, patience: Duration) -> Result<()> {
        until("the replicas are in sync", patience, async || {
            let pods = self.pods().await?;
            ensure!(pods.len() == self.members, "there are {} pods", pods.len());
            for pod in &pods {
                ensure!(pod.ready, "{} is not ready", pod.name);
            }
            self.expect_followed(&self.primary().await?).await
        })
        .await
    }
}

impl Deployment for RedisSentinel {
    fn image(version: &str) -> String {
        super::image(version)
    }

    async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        Ok(Self(RedisReplication::deploy_example(namespace, "redis-sentinel", version, 3).await?))
    }

    fn namespace(&self) -> &Namespace {
        self.0.namespace()
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        self.0.pods().await
    }

    async fn in_sync(&self, patience: Duration) -> Result<()> {
        self.0.in_sync(patience).await
    }
}

impl RedisSentinel {
    /// The primary and its replicas.
    pub fn servers(&self) -> &RedisReplication {
        &self.0
    }
}
