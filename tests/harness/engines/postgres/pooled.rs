//! `examples/postgres` behind `examples/postgres/pgbouncer`: two poolers that clients connect to.

use std::ops::Deref;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::Postgres;
use crate::engines::Deployment;
use crate::load::{Endpoint, Load};
use crate::{Namespace, Pod, overlay, until};

/// The one release of `PgBouncer` that the test cluster has an image of.
const VERSION: &str = "1.18";

/// Until every node's kube-proxy leads to the poolers.
const SERVED_WITHIN: Duration = Duration::from_secs(30);

/// A PostgreSQL and its poolers.
#[derive(Clone)]
pub struct PooledPostgres(Postgres);

impl Deref for PooledPostgres {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        &self.0
    }
}

impl PooledPostgres {
    /// The database behind the poolers.
    pub fn servers(&self) -> &Postgres {
        &self.0
    }

    /// For the load: through the poolers' Service.
    pub async fn endpoint(&self) -> Result<Endpoint> {
        self.endpoint_through("pgbouncer").await
    }

    /// Starts writers behind the poolers, as soon as each node's kube-proxy leads to them.
    pub async fn start_load(&self) -> Result<Load> {
        let endpoint = self.endpoint().await?;
        until("clients are served", SERVED_WITHIN, async || Load::start(&endpoint).await).await
    }

    /// An application's connection through a pooler, which has sent nothing yet.
    pub async fn connect_through_pooler(&self) -> Result<Client> {
        let address = &self.pooler_addresses().await?[0];
        self.connect_to_pooler(address, "app", ("postgres", "app-password")).await
    }

    /// A connection to the admin console of each pooler.
    pub async fn consoles(&self) -> Result<Vec<Client>> {
        let mut consoles = Vec::new();
        for address in self.pooler_addresses().await? {
            consoles.push(self.connect_to_pooler(&address, "pgbouncer", ("pgbouncer", "admin-password")).await?);
        }
        Ok(consoles)
    }

    /// Fails where a pooler is paused, so that its clients wait.
    pub async fn expect_not_paused(&self) -> Result<()> {
        for console in self.consoles().await? {
            ensure!(!is_paused(&console).await?, "a pooler is paused");
        }
        Ok(())
    }

    /// The node of the first pooler.
    pub async fn node_of_a_pooler(&self) -> Result<String> {
        let pods = self.poolers().await?;
        pods.into_iter().next().and_then(|pod| pod.node).context("no pooler is on a node")
    }

    async fn poolers(&self) -> Result<Vec<Pod>> {
        self.namespace().pods("app.kubernetes.io/name=pgbouncer").await
    }

    async fn pooler_addresses(&self) -> Result<Vec<String>> {
        let pods = self.poolers().await?;
        pods.into_iter().map(|pod| pod.address.context("a pooler has no address")).collect()
    }

    /// Connects to one pooler, as the user that has the name of the database. `secret` is the Secret and its key of the password.
    async fn connect_to_pooler(&self, address: &str, name: &str, secret: (&str, &str)) -> Result<Client> {
        let password = self.namespace().secret(secret.0, secret.1).await?;
        let mut config = Config::new();
        config.host(address).port(6432).user(name).password(password).dbname(name);
        let (client, talk) = config.connect(NoTls).await?;
        // Ends when the client is dropped.
        tokio::spawn(async { drop(talk.await) });
        Ok(client)
    }
}

/// Whether a pooler has paused a database, by its admin console.
pub async fn is_paused(console: &Client) -> Result<bool> {
    let answer = console.simple_query("SHOW DATABASES").await?;
    let paused = |message: &SimpleQueryMessage| matches!(message, SimpleQueryMessage::Row(row) if row.get("paused") == Some("1"));
    Ok(answer.iter().any(paused))
}

impl Deployment for PooledPostgres {
    fn image(version: &str) -> String {
        super::image(version)
    }

    async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        let database = Self(Postgres::deploy(namespace, version).await?);
        overlay::apply(namespace, "postgres/pgbouncer", VERSION).await?;
        namespace.kubectl(&["rollout", "status", "deployment/pgbouncer", "--timeout", "60s"]).await?;
        Ok(database)
    }

    fn namespace(&self) -> &Namespace {
        self.0.namespace()
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        self.0.pods().await
    }

    async fn in_sync(&self, patience: Duration) -> Result<()> {
        self.0.in_sync(patience).await
    }
}
