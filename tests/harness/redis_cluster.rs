//! `examples/redis`, deployed: six pods, three shards.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::view::View;
use crate::{Namespace, Pod, Server, overlay, until};

/// A cold image, a volume and a pod each, on two busy cores: 20 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// The cluster of one namespace.
pub struct RedisCluster<'a> {
    namespace: &'a Namespace,
    password: String,
}

impl<'a> RedisCluster<'a> {
    /// Deploys `examples/redis` with a version and waits until it is a cluster in which everybody is in sync.
    pub async fn deploy(namespace: &'a Namespace, version: &str) -> Result<Self> {
        overlay::apply(namespace, "redis", version).await?;
        let decode = "go-template={{.data.password | base64decode}}";
        let password = namespace.kubectl(&["get", "secret", "redis", "-o", decode]).await?;
        let cluster = Self { namespace, password };
        cluster.in_sync(FORMED_WITHIN).await?;
        Ok(cluster)
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &Namespace {
        self.namespace
    }

    /// The password of all its nodes.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Its pods, by name.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let told = self.namespace.get(&["pods", "--selector", "app.kubernetes.io/name=redis"]).await?;
        let pods = told["items"].as_array().into_iter().flatten();
        Ok(pods.map(Pod::from).collect())
    }

    /// A connection to one pod.
    pub async fn server(&self, pod: &str) -> Result<Server> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        let address = found.address.as_deref().with_context(|| format!("{pod} has no address"))?;
        Server::dial(address, Some(&self.password)).await
    }

    /// Who leads whom: each master with its replicas, by pod name, as each pod says of itself.
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

    async fn views(&self) -> Result<Vec<View>> {
        let mut views = Vec::new();
        for pod in self.pods().await? {
            let name = pod.name.clone();
            views.push(View::of(pod, &self.password).await.context(name)?);
        }
        Ok(views)
    }

    /// Waits until every pod is ready, every node agrees that all is well, and every replica follows its master.
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
