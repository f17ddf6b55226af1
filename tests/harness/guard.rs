//! The guard, installed as a user installs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::laws::{Cleanup, Undo};
use crate::{Cluster, Namespace, Plugin, until};

/// The guard's own namespace.
const NAMESPACE: &str = "kubectl-stateful";

/// The label that puts a namespace under guard.
const LABEL: &str = "kubectl-stateful.dev/guard";

/// Two pods, a certificate, and one observation of every database; it takes 5 s when all is well.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// The guard's leader observes a policy and writes its status within seconds.
const POLICY_READ_WITHIN: Duration = Duration::from_secs(30);

/// How often a condition that both replicas must meet is checked in a row: the API server chooses one at random each time, and the
/// probability that it is the same one eight times is one in 128.
const IN_A_ROW: usize = 8;

/// Whether the guard was installed by this process and no law has stopped or changed it since.
static IS_INSTALLED: AtomicBool = AtomicBool::new(false);

/// One installation at a time.
static INSTALLING: Mutex<()> = Mutex::const_new(());

/// The guard of a cluster. What it is made to do is undone after the law.
#[derive(Clone)]
pub struct Guard {
    cluster: Cluster,
    plugin: Plugin,
    cleanup: Cleanup,
}

impl Guard {
    /// Installs it, unless this process has done so already.
    pub(crate) async fn install(cluster: &Cluster, cleanup: &Cleanup) -> Result<Self> {
        let guard = Self { cluster: cluster.clone(), plugin: Plugin::find(cluster)?, cleanup: cleanup.clone() };
        let _one = INSTALLING.lock().await;
        if !IS_INSTALLED.load(Ordering::SeqCst) {
            guard.plugin.run(&["guard", "install", "--image", &image(), "--timeout", "2m"]).await?.expect(0)?;
            guard.ready(2).await?;
            IS_INSTALLED.store(true, Ordering::SeqCst);
        }
        Ok(guard)
    }

    /// The same, for a law that owns the guard: the next law installs it anew.
    pub(crate) async fn install_to_disturb(cluster: &Cluster, cleanup: &Cleanup) -> Result<Self> {
        let guard = Self::install(cluster, cleanup).await?;
        IS_INSTALLED.store(false, Ordering::SeqCst);
        Ok(guard)
    }

    /// Waits until so many replicas are ready, and there are no others.
    pub async fn ready(&self, wanted: usize) -> Result<()> {
        until("the guard is ready", READY_WITHIN, async || {
            let pods = self.pods().await?;
            let ready = pods.iter().filter(|pod| pod["status"]["containerStatuses"][0]["ready"] == true).count();
            ensure!(ready == wanted && pods.len() == wanted, "{ready} of {} pods are", pods.len());
            Ok(())
        })
        .await
    }

    /// The pods of its replicas.
    pub async fn pods(&self) -> Result<Vec<Value>> {
        let selector = "app.kubernetes.io/name=stateful-guard";
        let list = self.cluster.get(&["pods", "--namespace", NAMESPACE, "--selector", selector]).await?;
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }

    /// The pod of the replica that is leader.
    pub async fn leader(&self) -> Result<Value> {
        let lease = self.cluster.get(&["lease", "stateful-guard-leader", "--namespace", NAMESPACE]).await?;
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let is_leader = |pod: &Value| pod["metadata"]["name"] == *holder;
        self.pods().await?.into_iter().find(is_leader).with_context(|| format!("the leader {holder:?} has no pod"))
    }

    /// Puts a namespace under guard, with access to the Secrets that its databases refer to, and waits until both replicas have
    /// observed every database in it. After the law the namespace is no longer guarded.
    pub async fn watch(&self, namespace: &Namespace) -> Result<()> {
        let (name, unguarded) = (namespace.name(), namespace.clone());
        let _ = self.cleanup.register(format!("the guard leaves {name}"), async move {
            let (name, label) = (unguarded.name(), format!("{LABEL}-"));
            unguarded.cluster().kubectl(&["label", "namespace", name, &label]).await.map(drop)
        });
        let flags = ["guard", "install", "--image", &image(), "--guard-namespace", name, "--grant-secrets", name];
        self.plugin.run(&flags).await?.expect(0)?;
        until("both replicas have observed the database", READY_WITHIN, async || {
            for metrics in self.metrics().await? {
                let age = format!("stateful_guard_assessment_age_seconds{{namespace=\"{name}\"");
                ensure!(metrics.contains(&age), "a replica has not");
            }
            Ok(())
        })
        .await
    }

    /// The metrics of each replica, as Prometheus reads them.
    pub async fn metrics(&self) -> Result<Vec<String>> {
        let mut all = Vec::new();
        for pod in self.pods().await? {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{name}:8080/proxy/metrics");
            all.push(self.cluster.get_raw(&path).await?);
        }
        Ok(all)
    }

    /// Applies a policy with that spec to one namespace, in the place of the one before, until the returned value undoes it or the law
    /// ends.
    pub async fn policy(&self, namespace: &Namespace, spec: &Value) -> Result<Undo> {
        let (cluster, name) = (self.cluster.clone(), namespace.name().to_owned());
        let undo = self.cleanup.register(format!("the policy {name} goes"), async move {
            cluster.kubectl(&["delete", "disruptionpolicy", &name, "--ignore-not-found"]).await.map(drop)
        });
        let name = namespace.name();
        let mut spec = spec.clone();
        spec["namespaceSelector"] = json!({"matchLabels": {"kubernetes.io/metadata.name": name}});
        let policy = json!({
            "apiVersion": "kubectl-stateful.dev/v1alpha1",
            "kind": "DisruptionPolicy",
            "metadata": {"name": name},
            "spec": spec,
        });
        self.cluster.kubectl_with_input(&["apply", "--filename", "-"], &policy.to_string()).await?;
        until("the guard has read the policy", POLICY_READ_WITHIN, async || {
            let policy = self.cluster.get(&["disruptionpolicy", name]).await?;
            let applied = policy["status"]["workloads"].as_i64();
            ensure!(applied == Some(1), "it applies to {applied:?}");
            Ok(())
        })
        .await?;
        Ok(undo)
    }

    /// Sets the number of its replicas, and waits until there are so many; until the returned value undoes it or the law ends.
    pub async fn scale(&self, replicas: usize) -> Result<Undo> {
        let guard = self.clone();
        let undo = self.cleanup.register("the guard has two replicas", async move {
            guard.set_replicas(2).await?;
            guard.ready(2).await
        });
        self.set_replicas(replicas).await?;
        self.ready(replicas).await?;
        Ok(undo)
    }

    async fn set_replicas(&self, replicas: usize) -> Result<()> {
        let replicas = replicas.to_string();
        let scale =
            ["scale", "deployment", "stateful-guard", "--namespace", NAMESPACE, "--replicas", replicas.as_str()];
        self.cluster.kubectl(&scale).await.map(drop)
    }

    /// Deletes a replica's pod without giving it time to end.
    pub async fn kill(&self, pod: &str) -> Result<()> {
        let kill = ["delete", "pod", pod, "--namespace", NAMESPACE, "--grace-period", "0", "--force"];
        self.cluster.kubectl(&kill).await.map(drop)
    }
}

/// Waits until a check has succeeded so often in a row that both replicas of the guard will have been asked.
pub async fn until_both_replicas(
    what: &str,
    patience: Duration,
    mut check: impl AsyncFnMut() -> Result<()>,
) -> Result<()> {
    until(what, patience, async || {
        for _ in 0..IN_A_ROW {
            check().await?;
        }
        Ok(())
    })
    .await
}

fn image() -> String {
    std::env::var("GUARD_IMAGE").unwrap_or_else(|_| "localhost/stateful/webhook:dev".to_owned())
}
