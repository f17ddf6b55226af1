//! `examples/patroni`, deployed: a PostgreSQL whose primary Patroni chooses.

use std::ops::Deref;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Postgres;
use crate::engines::Deployment;
use crate::load::Endpoint;
use crate::{Namespace, Pod, overlay};

/// A PostgreSQL under Patroni, whose commits wait for no standby.
#[derive(Clone)]
pub struct Patroni(Postgres);

impl Deref for Patroni {
    type Target = Postgres;

    fn deref(&self) -> &Postgres {
        &self.0
    }
}

impl Patroni {
    /// For the load: through Patroni's Service of the primary.
    pub async fn endpoint(&self) -> Result<Endpoint> {
        self.endpoint_through("patroni").await
    }

    /// Patroni's dynamic configuration, as it stores it.
    pub async fn configuration(&self) -> Result<Value> {
        let endpoints = self.namespace().get(&["endpoints", "patroni-config"]).await?;
        let text =
            endpoints["metadata"]["annotations"]["config"].as_str().context("Patroni stores no configuration")?;
        Ok(serde_json::from_str(text)?)
    }

    /// A member that is not this one.
    pub async fn another(&self, than: &str) -> Result<String> {
        let pods = self.pods().await?;
        pods.into_iter().map(|pod| pod.name).find(|name| name != than).context("there is no other member")
    }

    /// Switches over by Patroni's own command.
    pub async fn switch_over_with_patronictl(&self) -> Result<()> {
        let from = self.primary().await?;
        let to = self.another(&from).await?;
        let command = ["exec", &from, "--", "patronictl", "-c", "/etc/patroni/patroni.yml", "switchover", "patroni"];
        let choice = ["--leader", &from, "--candidate", &to, "--force"];
        self.namespace().kubectl(&[&command[..], &choice[..]].concat()).await.map(drop)
    }
}

impl Deployment for Patroni {
    fn image(version: &str) -> String {
        overlay::image("patroni", version)
    }

    async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        Ok(Self(Postgres::deploy_example(namespace, "patroni", version).await?))
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
