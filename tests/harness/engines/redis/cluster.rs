//! `examples/redis`, deployed: a Redis Cluster of three shards in six pods.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Server;
use super::client::ClusterDriver;
use super::node_view::NodeView;
use crate::load::Endpoint;
use crate::{Namespace, Pod, overlay, until};

/// Six pods, their volumes and a cluster of them, on two busy cores; it takes 20 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// The Redis Cluster of one namespace.
#[derive(Debug, Clone)]
pub struct RedisCluster {
    namespace: Namespace,
    password: String,
}

impl RedisCluster {
    /// Deploys `examples/redis` in a version and waits until it is a cluster in which every replica is in sync.
    pub async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        overlay::apply(namespace, "redis", version).await?;
        let decode = "go-template={{.data.password | base64decode}}";
        let password = namespace.kubectl(&["get", "secret", "redis", "-o", decode]).await?;
        let cluster = Self { namespace: namespace.clone(), password };
        cluster.in_sync(FORMED_WITHIN).await?;
        Ok(cluster)
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The password of all its nodes.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// For the load: by the headless Service's name, as an application is configured.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(ClusterDriver::new(self))
    }

    /// Its pods, by name.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let list = self.namespace.get(&["pods", "--selector", "app.kubernetes.io/name=redis"]).await?;
        let pods = list["items"].as_array().into_iter().flatten();
        Ok(pods.map(Pod::from).collect())
    }

    /// A connection to one pod.
    pub async fn server(&self, pod: &str) -> Result<Server> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        let address = found.address.as_deref().with_context(|| format!("{pod} has no address"))?;
        Server::connect(address, Some(&self.password)).await
    }

    /// The shards: each master with its replicas, by pod name, as each node reports of itself.
    pub async fn shards(&self) -> Result<Vec<(String, Vec<String>)>> {
        let views = self.views().await?;
        let mut shards = Vec::new();
        for master in &views {
            if master.leader()? == "-" {
                let id = master.id()?;
                let replicas = views.iter().filter(|view| view.leader().is_ok_and(|leader| leader == id));
                shards.push((master.pod.name.clone(), replicas.map(|view| view.pod.name.clone()).collect()));
            }
        }
        Ok(shards)
    }

    async fn views(&self) -> Result<Vec<NodeView>> {
        let mut views = Vec::new();
        for pod in self.pods().await? {
            let name = pod.name.clone();
            views.push(NodeView::read(pod, &self.password).await.context(name)?);
        }
        Ok(views)
    }

    /// Waits until every pod is ready, all nodes agree that the cluster is whole, and every replica follows its master.
    pub async fn in_sync(&self, patience: Duration) -> Result<()> {
        until("the cluster is in sync", patience, async || {
            let views = self.views().await?;
            ensure!(views.len() == 6, "there are {} pods", views.len());
            for view in &views {
                ensure!(view.pod.ready, "{} is not ready", view.pod.name);
                view.agrees_with(&views).with_context(|| view.pod.name.clone())?;
            }
            Ok(())
        })
        .await
    }
}
