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
    /// The connection to the last known primary.
    client: Option<Client>,
}

impl Writer {
    pub(super) fn new(endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        Self { table: Table::new(now()), endpoints, client: None }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Ledger, CanaryError> {
        self.begin().await?;
        crate::canary::run(&mut self, "main".to_owned(), stop).await
    }

    async fn begin(&mut self) -> Result<(), ServerError> {
        let client = retry_like_a_client(|| async {
            let client = self.find_primary().await?;
            self.table.create(&client, now()).await.map(|()| client)
        });
        self.client = Some(client.await?);
        Ok(())
    }

    async fn read_kept(&self) -> Result<BTreeSet<u64>, ServerError> {
        retry_like_a_client(|| async {
            let client = self.find_primary().await?;
            let read = timeout(CLIENT_PATIENCE, self.table.read_back(&client)).await;
            read.unwrap_or(Err(ServerError::NoAnswer(CLIENT_PATIENCE)))
        })
        .await
    }

    async fn find_primary(&self) -> Result<Client, ServerError> {
        let endpoints = self.endpoints.borrow().clone();
        find_usable(&endpoints, connect_if_primary).await
    }
}

impl CanaryWriter for Writer {
    async fn attempt(&mut self, number: u64) -> Attempt {
        if self.client.is_none() {
            self.client = self.find_primary().await.ok();
        }
        let Some(client) = &self.client else {
            return Attempt::Refused;
        };
        let attempt = match timeout(PATIENCE, self.table.write(client, number)).await {
            Ok(Ok(())) => return Attempt::Acknowledged,
            Ok(Err(error)) => classify(&error),
            Err(_) => Attempt::Unknown,
        };
        self.client = None;
        attempt
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, CanaryError> {
        let (what, removal) = ("its table".to_owned(), self.table.removal());
        self.read_kept().await.map_err(|why| CanaryError::ReadBack { what, why, removal })
    }
}

async fn connect_if_primary(endpoint: &Endpoint) -> Result<Client, ServerError> {
    let client = connect(endpoint.dial_config()?).await?;
    let asked = timeout(PATIENCE, ask(&client, "SELECT pg_is_in_recovery()")).await;
    let rows = asked.map_err(|_| ServerError::NoAnswer(PATIENCE))?.map_err(|error| failure(&error))?;
    let said = rows.first().and_then(|rows| rows.first()?.values().next()?.as_deref());
    if said == Some("f") {
        Ok(client)
    } else {
        Err(ServerError::Unsuitable { member: endpoint.member.clone(), why: "does not lead" })
    }
}

/// If the server answered with an error nothing was written, except that a server which is stopping (57P01 to 57P03) may have
/// committed and no longer waits for its standbys.
fn classify(error: &tokio_postgres::Error) -> Attempt {
    match error.code() {
        Some(code) if !code.code().starts_with("57P") => Attempt::Refused,
        Some(_) | None => Attempt::Unknown,
    }
}
