//! The guard, installed as a user installs it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Cluster, Namespace, Plugin, until};

/// Where it lives.
pub const NAMESPACE: &str = "kubectl-stateful";

/// An image pulled, a certificate made, everything read.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// The guard of a cluster.
#[derive(Debug, Clone)]
pub struct Guard {
    cluster: Cluster,
    plugin: Plugin,
}

impl Guard {
    /// Installs it, or finds it installed.
    pub async fn installed(cluster: &Cluster) -> Result<Self> {
        let plugin = Plugin::find(cluster)?;
        let image = std::env::var("GUARD_IMAGE").unwrap_or_else(|_| "localhost/stateful/webhook:dev".to_owned());
        plugin.run(&["guard", "install", "--image", &image, "--timeout", "2m"]).await?.expect(0)?;
        let guard = Self { cluster: cluster.clone(), plugin };
        guard.ready(2).await?;
        Ok(guard)
    }

    /// The cluster it guards.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Waits until so many replicas are ready.
    pub async fn ready(&self, wanted: usize) -> Result<()> {
        until("the guard is ready", READY_WITHIN, async || {
            let pods = self.pods().await?;
            let ready = pods.iter().filter(|pod| pod["status"]["containerStatuses"][0]["ready"] == true).count();
            ensure!(ready == wanted && pods.len() == wanted, "{ready} of {} pods are", pods.len());
            Ok(())
        })
        .await
    }

    /// Its pods.
    pub async fn pods(&self) -> Result<Vec<Value>> {
        let selector = "app.kubernetes.io/name=stateful-guard";
        let told = self.cluster.get(&["pods", "--namespace", NAMESPACE, "--selector", selector]).await?;
        Ok(told["items"].as_array().cloned().unwrap_or_default())
    }

    /// The pod of the replica that leads.
    pub async fn leader(&self) -> Result<Value> {
        let lease = self.cluster.get(&["lease", "stateful-guard-leader", "--namespace", NAMESPACE]).await?;
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let leads = |pod: &Value| pod["metadata"]["name"] == *holder;
        self.pods().await?.into_iter().find(leads).with_context(|| format!("{holder:?} leads, and is no replica"))
    }

    /// Puts a namespace under guard, with access to the Secrets its databases refer to, and waits until every database
    /// in it has been looked at.
    pub async fn watches(&self, namespace: &Namespace) -> Result<()> {
        let name = namespace.name();
        let image = std::env::var("GUARD_IMAGE").unwrap_or_else(|_| "localhost/stateful/webhook:dev".to_owned());
        let flags = ["guard", "install", "--image", &image, "--guard-namespace", name, "--grant-secrets", name];
        self.plugin.run(&flags).await?.expect(0)?;
        until("the guard knows the database", READY_WITHIN, async || {
            for metrics in self.metrics().await? {
                let age = format!("stateful_guard_assessment_age_seconds{{namespace=\"{name}\"");
                ensure!(metrics.contains(&age), "a replica has not looked at it");
            }
            Ok(())
        })
        .await
    }

    /// What each replica tells Prometheus.
    pub async fn metrics(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for pod in self.pods().await? {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}:8080/proxy/metrics");
            all.push(self.cluster.kubectl(&["get", "--raw", &path]).await?);
        }
        Ok(all)
    }

    /// Applies a policy for one namespace; it goes with [`Guard::forget_policy`].
    pub async fn policy(&self, namespace: &Namespace, spec: &str) -> Result<()> {
        let name = namespace.name();
        let manifest = format!(
            "{{\"apiVersion\":\"kubectl-stateful.dev/v1alpha1\",\"kind\":\"DisruptionPolicy\",\"metadata\":{{\"name\":\"{name}\"}},\
             \"spec\":{{\"namespaceSelector\":{{\"matchLabels\":{{\"kubernetes.io/metadata.name\":\"{name}\"}}}},{spec}}}}}"
        );
        self.cluster.kubectl_with_input(&["apply", "--filename", "-"], &manifest).await?;
        until("the guard has read the policy", Duration::from_secs(30), async || {
            let policy = self.cluster.get(&["disruptionpolicy", name]).await?;
            let applied = policy["status"]["workloads"].as_i64();
            ensure!(applied == Some(1), "it applies to {applied:?}");
            Ok(())
        })
        .await
    }

    /// Takes a namespace's policy away.
    pub async fn forget_policy(&self, namespace: &Namespace) -> Result<()> {
        self.cluster.kubectl(&["delete", "disruptionpolicy", namespace.name(), "--ignore-not-found"]).await.map(drop)
    }
}
