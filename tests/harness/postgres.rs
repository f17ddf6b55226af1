//! `examples/postgres` and `examples/patroni`, deployed: a primary and two standbys, and two poolers in front where a proof
//! wants them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use crate::load::{Door, PostgresDoor};
use crate::{Namespace, Pod, overlay, until};

/// Three volumes, a new database and two copies of it, on two busy cores: 15 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// Longer than any healthy answer takes, and no longer than a proof can afford for each of three.
const PATIENCE: Duration = Duration::from_secs(2);

/// A new database, and the log that a proof writes, with room to spare. It counts as its container's memory (512 MiB).
const SMALL_DISK: &str = "256Mi";

/// The one release of `PgBouncer` there is an image of.
const POOLER: &str = "1.18";

/// The database of one namespace.
pub struct Postgres<'a> {
    namespace: &'a Namespace,
    /// The example, and what it calls its objects.
    name: &'static str,
    /// Whether its commits wait for no standby.
    is_asynchronous: bool,
    superuser: String,
    app: String,
}

impl<'a> Postgres<'a> {
    /// Deploys `examples/postgres` with a version and waits until both standbys are in sync.
    pub async fn deploy(namespace: &'a Namespace, version: &str) -> Result<Self> {
        Self::deploy_example(namespace, "postgres", version).await
    }

    /// The same under Patroni, where commits wait for no standby.
    pub async fn deploy_patroni(namespace: &'a Namespace, version: &str) -> Result<Self> {
        Self::deploy_example(namespace, "patroni", version).await
    }

    /// The same as at first, each member on a disk of its own that can be filled: a file system in memory, gone with its pod.
    pub async fn deploy_on_small_disks(namespace: &'a Namespace, version: &str) -> Result<Self> {
        let disk = json!({"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": SMALL_DISK}});
        let patch = json!([
            {"op": "remove", "path": "/spec/volumeClaimTemplates"},
            {"op": "add", "path": "/spec/template/spec/volumes/-", "value": disk},
        ]);
        let patch = json!({"target": {"kind": "StatefulSet"}, "patch": patch.to_string()});
        Self::deploy_patched(namespace, "postgres", version, &[patch]).await
    }

    async fn deploy_example(namespace: &'a Namespace, name: &'static str, version: &str) -> Result<Self> {
        Self::deploy_patched(namespace, name, version, &[]).await
    }

    async fn deploy_patched(
        namespace: &'a Namespace,
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
        let database = Self { namespace, name, is_asynchronous: name == "patroni", superuser, app };
        database.in_sync(FORMED_WITHIN).await?;
        Ok(database)
    }

    /// Has commits wait for no standby, whoever leads.
    pub async fn make_asynchronous(&mut self) -> Result<()> {
        for pod in self.pods().await? {
            self.ask(&pod.name, "ALTER SYSTEM SET synchronous_standby_names = ''").await?;
            self.ask(&pod.name, "SELECT pg_reload_conf()").await?;
        }
        self.is_asynchronous = true;
        Ok(())
    }

    /// For whom each member's commits would wait, by its name: nobody where it says nothing.
    pub async fn waited_for(&self) -> Result<BTreeMap<String, String>> {
        let mut told = BTreeMap::new();
        for pod in self.pods().await? {
            let says = self.ask(&pod.name, "SHOW synchronous_standby_names").await?.concat().concat();
            told.insert(pod.name, says);
        }
        Ok(told)
    }

    /// Deploys `examples/postgres/pgbouncer` in front of it.
    pub async fn deploy_pooler(&self) -> Result<()> {
        overlay::apply(self.namespace, "postgres/pgbouncer", POOLER).await?;
        self.namespace.kubectl(&["rollout", "status", "deployment/pgbouncer", "--timeout", "60s"]).await.map(drop)
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &Namespace {
        self.namespace
    }

    /// Its pods, by name.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let ours = format!("app.kubernetes.io/name={}", self.name);
        let told = self.namespace.get(&["pods", "--selector", &ours]).await?;
        Ok(told["items"].as_array().into_iter().flatten().map(Pod::from).collect())
    }

    /// The application's way in: by a Service, `postgres-primary` or `pgbouncer`.
    pub async fn through(&self, service: &str) -> Result<Door> {
        let told = self.namespace.get(&["service", service]).await?;
        let address = told["spec"]["clusterIP"].as_str().with_context(|| format!("{service} has no address"))?;
        let port = told["spec"]["ports"][0]["port"].as_u64().with_context(|| format!("{service} has no port"))?;
        let address = SocketAddr::new(address.parse()?, u16::try_from(port)?);
        Ok(PostgresDoor::new(address, "app", &self.app, "app").into())
    }

    /// What one member answers to its superuser in the database `app`: rows of words, empty where NULL.
    pub async fn ask(&self, pod: &str, question: &str) -> Result<Vec<Vec<String>>> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        let address = found.address.as_deref().with_context(|| format!("{pod} has no address"))?;
        timeout(PATIENCE, self.ask_at(address, question)).await.with_context(|| format!("{pod} does not answer"))?
    }

    /// A connection of the superuser's to one member, for whoever has to say something without a moment's delay.
    pub async fn link(&self, pod: &str) -> Result<Client> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        self.dial(found.address.as_deref().with_context(|| format!("{pod} has no address"))?).await
    }

    async fn dial(&self, address: &str) -> Result<Client> {
        let mut config = Config::new();
        config.host(address).user("postgres").password(&self.superuser).dbname("app");
        let (client, talk) = config.connect(NoTls).await?;
        // Ends with its client.
        tokio::spawn(async { drop(talk.await) });
        Ok(client)
    }

    async fn ask_at(&self, address: &str, question: &str) -> Result<Vec<Vec<String>>> {
        let client = self.dial(address).await?;
        let told = client.simple_query(question).await.with_context(|| question.to_owned())?;
        let rows = told.iter().filter_map(|word| match word {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(rows.map(|row| (0..row.len()).map(|at| row.get(at).unwrap_or_default().to_owned()).collect()).collect())
    }

    /// The one member that is no standby; an error while there is none, or more than one.
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

    /// The member that the Service `postgres-primary` leads clients to.
    pub async fn clients_are_led_to(&self) -> Result<String> {
        let service = self.namespace.get(&["service", "postgres-primary"]).await?;
        let selected = service["spec"]["selector"]["statefulset.kubernetes.io/pod-name"].as_str();
        selected.map(ToOwned::to_owned).context("the Service names no member")
    }

    /// Waits until every pod is ready, one leads, and all others follow it and may be counted on by its commits.
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
            let told: BTreeSet<String> = self.ask(&primary, &followers).await?.into_iter().flatten().collect();
            let others = pods.into_iter().map(|pod| pod.name).filter(|name| *name != primary).collect();
            ensure!(told == others, "{primary} is followed by {told:?}");
            Ok(())
        })
        .await
    }
}
