//! PostgreSQL: `examples/postgres` and `examples/patroni`, deployed. Each is a primary and two standbys, with two PgBouncers in front
//! where a law wants them.

mod client;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::load::Endpoint;
use crate::{Namespace, Pod, overlay, until};
use client::PostgresDriver;

/// Three volumes, a new database and two copies of it, on two busy cores; it takes 15 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// Longer than any healthy answer takes, and short enough for a law to ask three servers one after another.
const PATIENCE: Duration = Duration::from_secs(2);

/// Room for a new database and the write-ahead log of one law. It counts as its container's memory (512 MiB).
const SMALL_DISK: &str = "256Mi";

/// The one release of `PgBouncer` that the test cluster has an image of.
const POOLER: &str = "1.18";

/// The PostgreSQL of one namespace.
#[derive(Clone)]
pub struct Postgres {
    namespace: Namespace,
    /// The example's folder, which is also the name of its objects.
    name: &'static str,
    /// Whether its commits wait for no standby.
    is_asynchronous: bool,
    superuser: String,
    app: String,
}

impl Postgres {
    /// Deploys `examples/postgres` with a version and waits until both standbys are in sync.
    pub async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        Self::deploy_example(namespace, "postgres", version).await
    }

    /// The same under Patroni, where commits wait for no standby.
    pub async fn deploy_patroni(namespace: &Namespace, version: &str) -> Result<Self> {
        Self::deploy_example(namespace, "patroni", version).await
    }

    /// As `deploy`, with each member on a disk of its own that can be filled: a file system in memory, gone with its pod.
    pub async fn deploy_on_small_disks(namespace: &Namespace, version: &str) -> Result<Self> {
        let disk = json!({"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": SMALL_DISK}});
        let patch = json!([
            {"op": "remove", "path": "/spec/volumeClaimTemplates"},
            {"op": "add", "path": "/spec/template/spec/volumes/-", "value": disk},
        ]);
        let patch = json!({"target": {"kind": "StatefulSet"}, "patch": patch.to_string()});
        Self::deploy_patched(namespace, "postgres", version, &[patch]).await
    }

    async fn deploy_example(namespace: &Namespace, name: &'static str, version: &str) -> Result<Self> {
        Self::deploy_patched(namespace, name, version, &[]).await
    }

    async fn deploy_patched(
        namespace: &Namespace,
        name: &'static str,
        version: &str,
        patches: &[Value],
    ) -> Result<Self> {
        overlay::apply_patched(namespace, name, version, patches).await?;
        let secret = async |key: &str| {
            let decode = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
            namespace.kubectl(&["get", "secret", name, "-o", &decode]).await
        };
        let (superuser, app) = (secret("password").await?, secret("app-password").await?);
        let database = Self { namespace: namespace.clone(), name, is_asynchronous: name == "patroni", superuser, app };
        database.in_sync(FORMED_WITHIN).await?;
        Ok(database)
    }

    /// Makes commits wait for no standby, whichever member is the primary.
    pub async fn make_asynchronous(&mut self) -> Result<()> {
        for pod in self.pods().await? {
            self.ask(&pod.name, "ALTER SYSTEM SET synchronous_standby_names = ''").await?;
            self.ask(&pod.name, "SELECT pg_reload_conf()").await?;
        }
        self.is_asynchronous = true;
        Ok(())
    }

    /// The standbys that each member's commits would wait for, by the member's name; empty where they wait for none.
    pub async fn synchronous_standby_names(&self) -> Result<BTreeMap<String, String>> {
        let mut names = BTreeMap::new();
        for pod in self.pods().await? {
            let setting = self.ask(&pod.name, "SHOW synchronous_standby_names").await?.concat().concat();
            names.insert(pod.name, setting);
        }
        Ok(names)
    }

    /// Deploys `examples/postgres/pgbouncer` in front of it.
    pub async fn deploy_pooler(&self) -> Result<()> {
        overlay::apply(&self.namespace, "postgres/pgbouncer", POOLER).await?;
        self.namespace.kubectl(&["rollout", "status", "deployment/pgbouncer", "--timeout", "60s"]).await.map(drop)
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Its pods, by name.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let ours = format!("app.kubernetes.io/name={}", self.name);
        let list = self.namespace.get(&["pods", "--selector", &ours]).await?;
        Ok(list["items"].as_array().into_iter().flatten().map(Pod::from).collect())
    }

    /// For the load: through a Service, as an application is configured (`postgres-primary`, `patroni` or `pgbouncer`).
    pub async fn endpoint(&self, service: &str) -> Result<Endpoint> {
        let object = self.namespace.get(&["service", service]).await?;
        let address = object["spec"]["clusterIP"].as_str().with_context(|| format!("{service} has no address"))?;
        let port = object["spec"]["ports"][0]["port"].as_u64().with_context(|| format!("{service} has no port"))?;
        let address = SocketAddr::new(address.parse()?, u16::try_from(port)?);
        Ok(Endpoint::new(PostgresDriver::new(address, "app", &self.app, "app")))
    }

    /// What one member answers its superuser in the database `app`: rows of values, empty where NULL.
    pub async fn ask(&self, pod: &str, question: &str) -> Result<Vec<Vec<String>>> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        let address = found.address.as_deref().with_context(|| format!("{pod} has no address"))?;
        timeout(PATIENCE, self.ask_at(address, question)).await.with_context(|| format!("{pod} does not answer"))?
    }

    /// A connection to one member as superuser, for what must be sent without the delay of connecting.
    pub async fn connect(&self, pod: &str) -> Result<Client> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        self.connect_to(found.address.as_deref().with_context(|| format!("{pod} has no address"))?).await
    }

    async fn connect_to(&self, address: &str) -> Result<Client> {
        let mut config = Config::new();
        config.host(address).user("postgres").password(&self.superuser).dbname("app");
        let (client, talk) = config.connect(NoTls).await?;
        // Ends when the client is dropped.
        tokio::spawn(async { drop(talk.await) });
        Ok(client)
    }

    async fn ask_at(&self, address: &str, question: &str) -> Result<Vec<Vec<String>>> {
        let client = self.connect_to(address).await?;
        let answer = client.simple_query(question).await.with_context(|| question.to_owned())?;
        let rows = answer.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.map(|row| (0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect()).collect())
    }

    /// The one member that is no standby; an error while no member is primary, or more than one.
    pub async fn primary(&self) -> Result<String> {
        let mut primaries = Vec::new();
        for pod in self.pods().await? {
            if self.ask(&pod.name, "SELECT pg_is_in_recovery()").await? == [["f"]] {
                primaries.push(pod.name);
            }
        }
        ensure!(primaries.len() == 1, "primaries: {primaries:?}");
        Ok(primaries.remove(0))
    }

    /// The member that the Service `postgres-primary` selects.
    pub async fn selected_by_service(&self) -> Result<String> {
        let service = self.namespace.get(&["service", "postgres-primary"]).await?;
        let selected = service["spec"]["selector"]["statefulset.kubernetes.io/pod-name"].as_str();
        selected.map(ToOwned::to_owned).context("the Service selects no member")
    }

    /// Waits until every pod is ready, one member is primary, and all others follow it and count for its commits.
    pub async fn in_sync(&self, patience: Duration) -> Result<()> {
        let counts = if self.is_asynchronous { "TRUE" } else { "sync_state IN ('sync', 'quorum')" };
        let followers =
            format!("SELECT application_name FROM pg_stat_replication WHERE state = 'streaming' AND {counts}");
        until("the database is in sync", patience, async || {
            let pods = self.pods().await?;
            ensure!(pods.len() == 3, "there are {} pods", pods.len());
            for pod in &pods {
                ensure!(pod.ready, "{} is not ready", pod.name);
            }
            let primary = self.primary().await?;
            let following: BTreeSet<String> = self.ask(&primary, &followers).await?.into_iter().flatten().collect();
            let others = pods.into_iter().map(|pod| pod.name).filter(|name| *name != primary).collect();
            ensure!(following == others, "{primary} is followed by {following:?}");
            Ok(())
        })
        .await
    }
}
