//! CouchDB: `examples/couchdb`, deployed, as three nodes, each with a copy of everything. Unless `COUCHDB_IMAGE` names a real image,
//! a stand-in runs there (`tests/couchdb-stand-in`), and the laws print that they measured it.

mod client;
mod http;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hyper::Method;
use serde_json::{Value, json};

use crate::engines::{Deployment, Engine, Gap, WriteBounds};
use crate::load::Endpoint;
use crate::{Namespace, Pod, overlay, until};
use client::CouchdbDriver;
use http::Http;

/// Three volumes, and three processes that find each other, on two busy cores; it takes 10 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// The port that nodes listen on.
const PORT: u16 = 5984;

/// The setting that takes a node out of load balancers.
const MODE: &str = "/_node/_local/_config/couchdb/maintenance_mode";

/// The CouchDB cluster of one namespace.
#[derive(Clone)]
pub struct Couchdb {
    namespace: Namespace,
    user: String,
    password: String,
}

impl Couchdb {
    /// The server's name and version, as it reports them.
    pub async fn server(&self) -> Result<String> {
        let pods = self.pods().await?;
        let (_, welcome) = self.ask(&pods[0], Method::GET, "/", None).await?;
        Ok(format!("{} ({})", welcome["vendor"]["name"].as_str().unwrap_or("unknown"), welcome["version"]))
    }

    /// The maintenance mode of a node, where it is in one.
    pub async fn maintenance(&self, pod: &Pod) -> Result<Option<String>> {
        let (status, mode) = self.ask(pod, Method::GET, MODE, None).await?;
        ensure!([200, 404].contains(&status), "{} answers {status}: {mode}", pod.name);
        Ok(mode.as_str().filter(|_| status == 200).map(ToOwned::to_owned))
    }

    /// The address that clients use: that of the Service, which leads to the ready nodes.
    async fn service(&self) -> Result<SocketAddr> {
        let object = self.namespace.get(&["service", "couchdb-clients"]).await?;
        let address = object["spec"]["clusterIP"].as_str().context("the Service has no address")?;
        Ok(SocketAddr::new(address.parse()?, PORT))
    }

    /// The clients' user name and password.
    fn login(&self) -> (&str, &str) {
        (&self.user, &self.password)
    }

    /// One node's answer: the HTTP status and the body.
    async fn ask(&self, pod: &Pod, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let address = pod.address.as_deref().with_context(|| format!("{} has no address", pod.name))?.parse()?;
        let mut node = Http::connect(SocketAddr::new(address, PORT), &self.user, &self.password).await?;
        node.ask(method, path, body).await
    }
}

impl Deployment for Couchdb {
    fn image(version: &str) -> String {
        overlay::image("couchdb", version)
    }

    /// Deploys `examples/couchdb` and waits until all nodes are one cluster.
    async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        // The stand-in's image is not named like CouchDB's, so that it is not mistaken for one; the annotation states the engine.
        let annotations = json!({"kubectl-stateful.dev/engine": "couchdb"});
        let patch = json!([{"op": "add", "path": "/metadata/annotations", "value": annotations}]).to_string();
        let patches = [json!({"target": {"kind": "StatefulSet"}, "patch": patch})];
        overlay::apply_patched(namespace, "couchdb", version, &patches).await?;
        let secret = async |key: &str| namespace.secret("couchdb", key).await;
        let (user, password) = (secret("adminUsername").await?, secret("adminPassword").await?);
        let database = Self { namespace: namespace.clone(), user, password };
        database.in_sync(FORMED_WITHIN).await?;
        let (pods, setup) = (database.pods().await?, json!({"action": "finish_cluster"}));
        let (status, answer) = database.ask(&pods[0], Method::POST, "/_cluster_setup", Some(&setup)).await?;
        ensure!(status == 201, "the cluster is not finished: {status} {answer}");
        database.in_sync(FORMED_WITHIN).await?;
        Ok(database)
    }

    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        self.namespace.pods("app.kubernetes.io/name=couchdb").await
    }

    /// Waits until every node is ready, connected to all others, and has no internal replication to do.
    async fn in_sync(&self, patience: Duration) -> Result<()> {
        until("the cluster is in sync", patience, async || {
            let pods = self.pods().await?;
            ensure!(pods.len() == 3, "{} pods", pods.len());
            for pod in &pods {
                ensure!(pod.ready, "{} is not ready", pod.name);
                let asked = async |path| anyhow::Ok(self.ask(pod, Method::GET, path, None).await?.1);
                let nodes = asked("/_membership").await?;
                for list in ["all_nodes", "cluster_nodes"] {
                    let all = nodes[list].as_array().is_some_and(|list| list.len() == pods.len());
                    ensure!(all, "{}: {nodes}", pod.name);
                }
                let jobs = &asked("/_node/_local/_system").await?["internal_replication_jobs"];
                ensure!(*jobs == 0, "{} has {jobs} jobs to do", pod.name);
            }
            Ok(())
        })
        .await
    }
}

impl Engine for Couchdb {
    const NAME: &'static str = "couchdb";
    const TARGET: &'static str = "couchdb";
    const VERSIONS: (&'static str, &'static str) = ("3.3", "3.4");
    /// Three nodes are replaced, and three steps are about the StatefulSet.
    const UPGRADE_STEPS: usize = 6;
    /// A client sends a write again when its connection breaks. The nodes are equal, so no write waits for another one to take over.
    const WRITES: WriteBounds = WriteBounds { connections_may_break: false, gap: Gap::AtMost(Duration::from_secs(2)) };

    /// Through the Service.
    async fn endpoint(&self) -> Result<Endpoint> {
        Ok(Endpoint::new(CouchdbDriver::new(self).await?))
    }

    async fn server_version(&self, pod: &str) -> Result<String> {
        let pods = self.pods().await?;
        let pod = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        let (_, welcome) = self.ask(pod, Method::GET, "/", None).await?;
        Ok(welcome["version"].as_str().context("it reports no version")?.to_owned())
    }

    /// Any node: all are equal.
    async fn dispensable_member(&self) -> Result<String> {
        let pods = self.pods().await?;
        Ok(pods.last().context("there is no node")?.name.clone())
    }
}
