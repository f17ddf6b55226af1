//! `examples/redis`, deployed: six pods, three shards.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Namespace, Server, overlay, until};

/// A cold image, a volume and a pod each, on two busy cores: 20 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// The cluster of one namespace.
pub struct RedisCluster<'a> {
    namespace: &'a Namespace,
    password: String,
}

/// A pod, as Kubernetes describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its name.
    pub name: String,
    /// Its UID: another one is another pod.
    pub uid: String,
    /// Its address, if it has one.
    pub address: Option<String>,
    /// Its node, if it has one.
    pub node: Option<String>,
    /// The image it was told to run.
    pub image: String,
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
        Ok(pods.map(pod).collect())
    }

    /// The addresses of its pods.
    pub async fn addresses(&self) -> Result<Vec<String>> {
        Ok(self.pods().await?.into_iter().filter_map(|pod| pod.address).collect())
    }

    /// A connection to one pod.
    pub async fn server(&self, pod: &str) -> Result<Server> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        self.dial(found).await
    }

    async fn dial(&self, pod: &Pod) -> Result<Server> {
        let address = pod.address.as_deref().with_context(|| format!("{} has no address", pod.name))?;
        Server::dial(address, Some(&self.password)).await
    }

    /// Who leads whom: each master with its replicas, by pod name, as each pod says of itself.
    pub async fn shards(&self) -> Result<Vec<(String, Vec<String>)>> {
        let mut nodes = Vec::new();
        for pod in self.pods().await? {
            let mut server = self.dial(&pod).await?;
            let told: String = server.ask(&["CLUSTER", "NODES"]).await?;
            let myself = told.lines().find(|line| line.contains("myself")).context("a node knows itself")?;
            let words: Vec<String> = myself.split(' ').map(ToOwned::to_owned).collect();
            let (id, leader) = (words[0].clone(), words[3].clone());
            nodes.push((pod.name, id, leader));
        }
        let masters = nodes.iter().filter(|(.., leader)| leader == "-");
        let shard = |(name, id, _): &(String, String, String)| {
            let replicas = nodes.iter().filter(|(.., leader)| leader == id).map(|(name, ..)| name.clone());
            (name.clone(), replicas.collect())
        };
        Ok(masters.map(shard).collect())
    }

    /// Waits until every node agrees that all is well, and every replica has what its master has.
    pub async fn in_sync(&self, patience: Duration) -> Result<()> {
        until("the cluster is in sync", patience, async || {
            let pods = self.pods().await?;
            ensure!(pods.len() == 6, "there are {} pods", pods.len());
            for pod in &pods {
                self.is_in_sync(pod, &pods).await.with_context(|| pod.name.clone())?;
            }
            Ok(())
        })
        .await
    }

    async fn is_in_sync(&self, pod: &Pod, pods: &[Pod]) -> Result<()> {
        let mut server = self.dial(pod).await?;
        let state = server.field(&["CLUSTER", "INFO"], "cluster_state").await?;
        ensure!(state.as_deref() == Some("ok"), "cluster_state is {state:?}");
        let nodes: String = server.ask(&["CLUSTER", "NODES"]).await?;
        for other in pods {
            let address = other.address.as_deref().with_context(|| format!("{} has no address", other.name))?;
            let line = nodes.lines().find(|line| line.contains(&format!(" {address}:")));
            let line = line.with_context(|| format!("{} at {address} is not known", other.name))?;
            ensure!(!line.contains("fail") && line.contains(" connected"), "{}: {line}", other.name);
        }
        if server.field(&["INFO", "replication"], "role").await?.as_deref() == Some("slave") {
            let link = server.field(&["INFO", "replication"], "master_link_status").await?;
            ensure!(link.as_deref() == Some("up"), "the link to its master is {link:?}");
        } else {
            let replica = server.field(&["INFO", "replication"], "slave0").await?;
            ensure!(replica.as_ref().is_some_and(|line| line.contains("state=online")), "its replica is {replica:?}");
        }
        Ok(())
    }
}

fn pod(object: &Value) -> Pod {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    Pod {
        name: text(&object["metadata"]["name"]).unwrap_or_default(),
        uid: text(&object["metadata"]["uid"]).unwrap_or_default(),
        address: text(&object["status"]["podIP"]),
        node: text(&object["spec"]["nodeName"]),
        image: text(&object["spec"]["containers"][0]["image"]).unwrap_or_default(),
    }
}
