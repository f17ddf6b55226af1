//! A PostgreSQL of a primary and two standbys.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::client::PostgresDriver;
use crate::engines::{Deployment, Engine, Gap, Primaries, WriteBounds};
use crate::load::Endpoint;
use crate::{Namespace, Pod, overlay, until};

/// Three volumes, a new database and two copies of it, on two busy cores; it takes 15 s when all is well.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// Longer than any healthy answer takes, and short enough for a law to ask three servers one after another.
const PATIENCE: Duration = Duration::from_secs(2);

/// Room for a new database and the write-ahead log of one law. It counts as its container's memory (512 MiB).
const SMALL_DISK: &str = "256Mi";

/// The Service is changed right after the promotion; a busy machine of two cores shows it seconds later.
const ROUTED_WITHIN: Duration = Duration::from_secs(30);

/// More than the default limit of lag, written at once.
const LAG_BYTES: u32 = 8_000_000;

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

    pub(super) async fn deploy_example(namespace: &Namespace, name: &'static str, version: &str) -> Result<Self> {
        Self::deploy_patched(namespace, name, version, &[]).await
    }

    async fn deploy_patched(
        namespace: &Namespace,
        name: &'static str,
        version: &str,
        patches: &[Value],
    ) -> Result<Self> {
        overlay::apply_patched(namespace, name, version, patches).await?;
        let (superuser, app) =
            (namespace.secret(name, "password").await?, namespace.secret(name, "app-password").await?);
        let database = Self { namespace: namespace.clone(), name, is_asynchronous: name == "patroni", superuser, app };
        database.in_sync(FORMED_WITHIN).await?;
        Ok(database)
    }

    /// Makes commits wait for no standby, whichever member is the primary.
    pub async fn make_asynchronous(&mut self) -> Result<()> {
        for pod in self.pods().await? {
            self.alter_system(&pod.name, "SET synchronous_standby_names = ''").await?;
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

    /// For the load: through a Service, as an application is configured (`postgres-primary`, `patroni` or `pgbouncer`).
    pub async fn endpoint_through(&self, service: &str) -> Result<Endpoint> {
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
}

impl Deployment for Postgres {
    fn image(version: &str) -> String {
        super::image(version)
    }

    /// Deploys `examples/postgres` and waits until both standbys are in sync.
    async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        Self::deploy_example(namespace, "postgres", version).await
    }

    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        self.namespace.pods(&format!("app.kubernetes.io/name={}", self.name)).await
    }

    /// Waits until every pod is ready, one member is primary, and all others follow it and count for its commits.
    async fn in_sync(&self, patience: Duration) -> Result<()> {
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

impl Engine for Postgres {
    const NAME: &'static str = "postgres";
    const TARGET: &'static str = "postgres";
    const VERSIONS: (&'static str, &'static str) = ("15.18", "15.20");
    /// Three members are replaced, one switches over, and three steps are about the StatefulSet. That the Service selects the new
    /// primary is part of the switchover.
    const UPGRADE_STEPS: usize = 7;
    /// A direct client loses its connection to the old primary. What is wanted is a gap of one second; three runs on a quiet machine
    /// had 0.27, 0.36 and 0.99 s, and two cores with other work are slower.
    const WRITES: WriteBounds = WriteBounds { connections_may_break: true, gap: Gap::AtMost(Duration::from_secs(2)) };

    /// Through the Service of the primary.
    async fn endpoint(&self) -> Result<Endpoint> {
        self.endpoint_through("postgres-primary").await
    }

    async fn server_version(&self, pod: &str) -> Result<String> {
        Ok(self.ask(pod, "SHOW server_version").await?.concat().concat())
    }

    async fn dispensable_member(&self) -> Result<String> {
        self.replica().await
    }

    async fn expect_same_everywhere(&self, patience: Duration) -> Result<()> {
        self.expect_same_rows(patience).await
    }

    async fn expect_routed(&self) -> Result<()> {
        until("the Service selects the primary", ROUTED_WITHIN, async || {
            let (primary, selected) = (self.primary().await?, self.selected_by_service().await?);
            ensure!(selected == primary, "it selects {selected}, and {primary} is primary");
            Ok(())
        })
        .await
    }
}

impl Primaries for Postgres {
    const LAG_REASON: &'static str = "STF-DB-006";

    async fn primaries(&self) -> Result<Vec<String>> {
        Ok(vec![self.primary().await?])
    }

    async fn replica(&self) -> Result<String> {
        let primary = self.primary().await?;
        let mut members = self.pods().await?.into_iter().map(|pod| pod.name);
        members.find(|name| *name != primary).context("there is no standby")
    }

    /// Its WAL receiver is stopped. Its primary goes on sending, or after ten seconds it would be away instead of late.
    async fn lag(&self, replica: &str) -> Result<()> {
        self.alter_system(&self.primary().await?, "SET wal_sender_timeout = 0").await?;
        self.signal_receiver(replica, "STOP").await?;
        let write = format!("SELECT pg_logical_emit_message(false, 'lag', repeat('x', {LAG_BYTES}))");
        self.ask(&self.primary().await?, &write).await.map(drop)
    }

    async fn catch_up(&self, replica: &str) -> Result<()> {
        self.signal_receiver(replica, "CONT").await?;
        self.alter_system(&self.primary().await?, "RESET wal_sender_timeout").await
    }
}

impl Postgres {
    /// Sets or resets a parameter of one server: `SET wal_sender_timeout = 0`.
    pub async fn alter_system(&self, pod: &str, change: &str) -> Result<()> {
        self.ask(pod, &format!("ALTER SYSTEM {change}")).await?;
        self.ask(pod, "SELECT pg_reload_conf()").await.map(drop)
    }

    /// Waits until every member holds the same rows of every load.
    pub async fn expect_same_rows(&self, patience: Duration) -> Result<()> {
        let tables = "SELECT relname FROM pg_class WHERE relname LIKE 'load%' AND relkind = 'r'";
        for table in self.ask(&self.primary().await?, tables).await?.into_iter().flatten() {
            let sum = format!(
                "SELECT count(*), md5(string_agg(writer || '/' || number, ',' ORDER BY writer, number)) FROM {table}"
            );
            until("every member holds the same", patience, async || {
                let mut held = BTreeSet::new();
                for pod in self.pods().await? {
                    held.insert(self.ask(&pod.name, &sum).await?);
                }
                ensure!(held.len() == 1, "{table}: {held:?}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    async fn signal_receiver(&self, standby: &str, signal: &str) -> Result<()> {
        let receiver = self.ask(standby, "SELECT pid FROM pg_stat_wal_receiver").await?.concat().concat();
        ensure!(!receiver.is_empty(), "{standby} has no WAL receiver");
        let server = self.connect(standby).await?;
        send_signal(&server, signal, &receiver).await;
        Ok(())
    }
}

/// Sends a signal to a process of a member's container, from inside it. A member that the signal ends cannot answer.
pub async fn send_signal(member: &Client, signal: &str, process: &str) {
    let command = format!("COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; kill -{signal} {process}'");
    drop(timeout(PATIENCE, member.simple_query(&command)).await);
}
