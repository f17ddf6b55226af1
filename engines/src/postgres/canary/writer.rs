//! The canary's writer.

use std::collections::BTreeSet;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::table::Table;
use crate::canary::{Attempt, CLIENT_PATIENCE, CanaryWriter, find_usable, now, retry_like_a_client};
use crate::postgres::connections::{PATIENCE, ask, connect, failure};
use crate::{CanaryError, Endpoint, Ledger, ServerError};

pub(super) struct Writer {
    table: Table,
    endpoints: watch::Receiver<Vec<Endpoint>>,
    /// The connection to whoever last led.
    link: Option<Client>,
}

impl Writer {
    pub(super) fn new(endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        Self { table: Table::new(now()), endpoints, link: None }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Ledger, CanaryError> {
        self.begin().await?;
        crate::canary::run(&mut self, "main".to_owned(), stop).await
    }

    async fn begin(&mut self) -> Result<(), ServerError> {
        let link = retry_like_a_client(|| async {
            let link = self.leader().await?;
            self.table.make(&link, now()).await.map(|()| link)
        });
        self.link = Some(link.await?);
        Ok(())
    }

    async fn kept(&self) -> Result<BTreeSet<u64>, ServerError> {
        retry_like_a_client(|| async {
            let link = self.leader().await?;
            let read = timeout(CLIENT_PATIENCE, self.table.read_back(&link)).await;
            read.unwrap_or(Err(ServerError::NoAnswer(CLIENT_PATIENCE)))
        })
        .await
    }

    async fn leader(&self) -> Result<Client, ServerError> {
        let endpoints = self.endpoints.borrow().clone();
        find_usable(&endpoints, leads).await
    }
}

impl CanaryWriter for Writer {
    async fn attempt(&mut self, number: u64) -> Attempt {
        if self.link.is_none() {
            self.link = self.leader().await.ok();
        }
        let Some(link) = &self.link else {
            return Attempt::Refused;
        };
        let attempt = match timeout(PATIENCE, self.table.write(link, number)).await {
            Ok(Ok(())) => return Attempt::Acknowledged,
            Ok(Err(error)) => judge(&error),
            Err(_) => Attempt::Unknown,
        };
        self.link = None;
        attempt
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, CanaryError> {
        let (what, removal) = ("its table".to_owned(), self.table.removal());
        self.kept().await.map_err(|why| CanaryError::ReadBack { what, why, removal })
    }
}

async fn leads(endpoint: &Endpoint) -> Result<Client, ServerError> {
    let link = connect(endpoint.dial_config()?).await?;
    let asked = timeout(PATIENCE, ask(&link, "SELECT pg_is_in_recovery()")).await;
    let rows = asked.map_err(|_| ServerError::NoAnswer(PATIENCE))?.map_err(|error| failure(&error))?;
    let said = rows.first().and_then(|rows| rows.first()?.values().next()?.as_deref());
    if said == Some("f") {
        Ok(link)
    } else {
        Err(ServerError::Unsuitable { member: endpoint.member.clone(), why: "does not lead" })
    }
}

/// A server's own word means nothing was written, except that one which is stopping (57P01 to 57P03) may have committed
/// and no longer waits for its standbys.
fn judge(error: &tokio_postgres::Error) -> Attempt {
    match error.code() {
        Some(code) if !code.code().starts_with("57P") => Attempt::Refused,
        Some(_) | None => Attempt::Unknown,
    }
}
