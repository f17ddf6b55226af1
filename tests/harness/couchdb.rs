//! `examples/couchdb`, deployed: three nodes, each with a copy of everything. Unless `COUCHDB_IMAGE` names a real one, what
//! runs there is a stand-in (`tests/couchdb-stand-in`), and whoever measures it is told.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use hyper::Method;
use serde_json::{Value, json};

use crate::http::Http;
use crate::load::{CouchdbDoor, Door};
use crate::{Namespace, Pod, overlay, until};

/// Three volumes and three processes that find each other, on two busy cores: 10 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// What nodes listen on.
const PORT: u16 = 5984;

/// The setting that load balancers see.
const MODE: &str = "/_node/_local/_config/couchdb/maintenance_mode";

/// The database of one namespace.
pub struct Couchdb<'a> {
    namespace: &'a Namespace,
    user: String,
    password: String,
}

impl<'a> Couchdb<'a> {
    /// Deploys `examples/couchdb` with a version and waits until all nodes are one cluster.
    pub async fn deploy(namespace: &'a Namespace, version: &str) -> Result<Self> {
        // The stand-in's name is not CouchDB's, and nobody is to take it for one.
        let annotations = json!({"kubectl-stateful.dev/engine": "couchdb"});
        let patch = json!([{"op": "add", "path": "/metadata/annotations", "value": annotations}]).to_string();
        let patches = [json!({"target": {"kind": "StatefulSet"}, "patch": patch})];
        overlay::apply_patched(namespace, "couchdb", version, &patches).await?;
        let secret = async |key: &str| {
            let decode = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
            namespace.kubectl(&["get", "secret", "couchdb", "-o", &decode]).await
        };
        let database =
            Self { namespace, user: secret("adminUsername").await?, password: secret("adminPassword").await? };
        database.in_sync(FORMED_WITHIN).await?;
        let (pods, setup) = (database.pods().await?, json!({"action": "finish_cluster"}));
        let (status, said) = database.ask(&pods[0], Method::POST, "/_cluster_setup", Some(&setup)).await?;
        ensure!(status == 201, "the cluster is not finished: {status} {said}");
        database.in_sync(FORMED_WITHIN).await?;
        Ok(database)
    }

    /// What it is that is measured, by its own word.
    pub async fn what_it_is(&self) -> Result<String> {
        let pods = self.pods().await?;
        let (_, welcome) = self.ask(&pods[0], Method::GET, "/", None).await?;
        Ok(format!("{} ({})", welcome["vendor"]["name"].as_str().unwrap_or("unknown"), welcome["version"]))
    }

    /// Its pods, by name.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let told = self.namespace.get(&["pods", "--selector", "app.kubernetes.io/name=couchdb"]).await?;
        Ok(told["items"].as_array().into_iter().flatten().map(Pod::from).collect())
    }

    /// The maintenance mode of a node, where it is in one.
    pub async fn maintenance(&self, pod: &Pod) -> Result<Option<String>> {
        let (status, mode) = self.ask(pod, Method::GET, MODE, None).await?;
        ensure!([200, 404].contains(&status), "{} answers {status}: {mode}", pod.name);
        Ok(mode.as_str().filter(|_| status == 200).map(ToOwned::to_owned))
    }

    /// Waits until every node is ready, up, connected to all others, and has nothing to bring to anybody.
    pub async fn in_sync(&self, patience: Duration) -> Result<()> {
        until("the cluster is in sync", patience, async || {
            let pods = self.pods().await?;
            ensure!(pods.len() == 3, "{} pods", pods.len());
            for pod in &pods {
                ensure!(pod.ready, "{} is not ready", pod.name);
                let asked = async |path| anyhow::Ok(self.ask(pod, Method::GET, path, None).await?.1);
                let nodes = asked("/_membership").await?;
                for list in ["all_nodes", "cluster_nodes"] {
                    ensure!(
                        nodes[list].as_array().is_some_and(|list| list.len() == pods.len()),
                        "{}: {nodes}",
                        pod.name
                    );
                }
                let jobs = &asked("/_node/_local/_system").await?["internal_replication_jobs"];
                ensure!(*jobs == 0, "{} has {jobs} jobs to do", pod.name);
            }
            Ok(())
        })
        .await
    }

    /// For a load through the Service.
    pub async fn through_service(&self) -> Result<Door> {
        Ok(CouchdbDoor::of(self).await?.into())
    }

    /// Where clients go: the Service that leads to whoever is up.
    pub(crate) async fn service(&self) -> Result<SocketAddr> {
        let told = self.namespace.get(&["service", "couchdb-clients"]).await?;
        let address = told["spec"]["clusterIP"].as_str().context("it has an address")?;
        Ok(SocketAddr::new(address.parse()?, PORT))
    }

    /// Who clients are.
    pub(crate) fn login(&self) -> (&str, &str) {
        (&self.user, &self.password)
    }

    /// What one node answers.
    async fn ask(&self, pod: &Pod, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let address = pod.address.as_deref().with_context(|| format!("{} has no address", pod.name))?.parse()?;
        let mut node = Http::dial(SocketAddr::new(address, PORT), &self.user, &self.password).await?;
        node.ask(method, path, body).await
    }
}
