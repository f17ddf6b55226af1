//! `examples/redis`, deployed: a Redis Cluster of three shards in six pods.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::client::ClusterDriver;
use super::node_view::NodeView;
use super::{PORT, Server};
use crate::engines::{Deployment, Engine, Gap, Primaries, WriteBounds};
use crate::load::Endpoint;
use crate::{Namespace, Pod, overlay, until};

/// Six pods, their volumes and a cluster of them, on two busy cores; it takes 20 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// A replica notices the end of its connection at once, and the wrong password at the next attempt to connect.
const LINK_ENDS_WITHIN: Duration = Duration::from_secs(10);

/// The Redis Cluster of one namespace.
#[derive(Debug, Clone)]
pub struct RedisCluster {
    namespace: Namespace,
    password: String,
}

impl RedisCluster {
    /// The password of all its nodes.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// A connection to one pod.
    pub async fn server(&self, pod: &str) -> Result<Server> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        Server::connect(self.namespace.reach(found, PORT).await?, Some(&self.password)).await
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
            views.push(NodeView::read(&self.namespace, pod, &self.password).await.context(name)?);
        }
        Ok(views)
    }
}

impl Deployment for RedisCluster {
    fn image(version: &str) -> String {
        super::image(version)
    }

    /// Deploys `examples/redis` and waits until it is a cluster in which every replica is in sync.
    async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        overlay::apply(namespace, "redis", version).await?;
        let decode = "go-template={{.data.password | base64decode}}";
        let password = namespace.kubectl(&["get", "secret", "redis", "-o", decode]).await?;
        let cluster = Self { namespace: namespace.clone(), password };
        cluster.in_sync(FORMED_WITHIN).await?;
        Ok(cluster)
    }

    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        self.namespace.pods("app.kubernetes.io/name=redis").await
    }

    /// Waits until every pod is ready, all nodes agree that the cluster is whole, and every replica follows its master.
    async fn in_sync(&self, patience: Duration) -> Result<()> {
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

impl Engine for RedisCluster {
    const NAME: &'static str = "redis";
    const TARGET: &'static str = "redis";
    const VERSIONS: (&'static str, &'static str) = ("7.0", "8.0");
    /// Six members are replaced, three switch over, and three steps are about the StatefulSet.
    const UPGRADE_STEPS: usize = 12;
    const WRITES: WriteBounds =
        WriteBounds { connections_may_break: false, gap: Gap::BeyondIdle(Duration::from_millis(300)) };

    /// By the headless Service's name.
    async fn endpoint(&self) -> Result<Endpoint> {
        Ok(Endpoint::new(ClusterDriver::new(self)))
    }

    async fn server_version(&self, pod: &str) -> Result<String> {
        let version = self.server(pod).await?.field(&["INFO", "server"], "redis_version").await?;
        version.with_context(|| format!("{pod} reports no version"))
    }

    async fn dispensable_member(&self) -> Result<String> {
        self.replica().await
    }
}

impl Primaries for RedisCluster {
    /// A replica without a link to its master.
    const LAG_REASON: &'static str = "STF-DB-012";

    async fn primaries(&self) -> Result<Vec<String>> {
        Ok(self.shards().await?.into_iter().map(|(primary, _)| primary).collect())
    }

    async fn replica(&self) -> Result<String> {
        let shards = self.shards().await?;
        shards.into_iter().flat_map(|(_, replicas)| replicas).next().context("there is no replica")
    }

    /// It loses the link to its master, as after a changed password.
    async fn lag(&self, replica: &str) -> Result<()> {
        let mut server = self.server(replica).await?;
        server.ask::<String>(&["CONFIG", "SET", "masterauth", "wrong"]).await?;
        server.ask::<i64>(&["CLIENT", "KILL", "TYPE", "master"]).await?;
        until("its link is down", LINK_ENDS_WITHIN, async || {
            let link = server.field(&["INFO", "replication"], "master_link_status").await?;
            ensure!(link.as_deref() == Some("down"), "it is {link:?}");
            Ok(())
        })
        .await
    }

    async fn catch_up(&self, replica: &str) -> Result<()> {
        let mut server = self.server(replica).await?;
        server.ask::<String>(&["CONFIG", "SET", "masterauth", &self.password]).await.map(drop)
    }
}
