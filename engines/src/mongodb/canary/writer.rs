//! The canary's writer.

use std::collections::BTreeSet;

use mongodb::Client;
use mongodb::bson::Document;
use mongodb::error::{Error, ErrorKind};
use tokio::sync::watch;
use tokio::time::timeout;

use super::collection::Collection;
use crate::canary::{Attempt, CLIENT_PATIENCE, CanaryWriter, now, retry_like_a_client};
use crate::mongodb::connections::{Connections, PATIENCE};
use crate::{CanaryError, Endpoint, Ledger, ServerError};

/// Error codes of a server that is not the primary, so nothing was written (manual, "Error Codes"): `NotWritablePrimary`,
/// `NotPrimaryNoSecondaryOk`, `LegacyNotPrimary`, `NotPrimaryOrSecondary`. A primary that steps down or stops meanwhile answers
/// with other codes (`PrimarySteppedDown`, `InterruptedDueToReplStateChange`), and may have written.
const NOT_THE_PRIMARY: &[i32] = &[10107, 13435, 10058, 13436];

pub(super) struct Writer {
    collection: Collection,
    endpoints: watch::Receiver<Vec<Endpoint>>,
    connections: Connections,
    /// The connection to the last known primary.
    client: Option<Client>,
}

impl Writer {
    pub(super) fn new(endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        Self { collection: Collection::new(now()), endpoints, connections: Connections::default(), client: None }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Ledger, CanaryError> {
        self.begin().await?;
        crate::canary::run(&mut self, "the replica set".to_owned(), stop).await
    }

    async fn begin(&mut self) -> Result<(), ServerError> {
        let client = retry_like_a_client(|| self.find_primary()).await?;
        self.collection.choose_database(&client).await?;
        let client = retry_like_a_client(|| async {
            let client = self.find_primary().await?;
            self.collection.tidy(&client, now()).await.map(|()| client)
        });
        self.client = Some(client.await?);
        Ok(())
    }

    async fn read_kept(&self) -> Result<BTreeSet<u64>, ServerError> {
        retry_like_a_client(|| async {
            let client = self.find_primary().await?;
            let read = timeout(CLIENT_PATIENCE, self.collection.read_back(&client)).await;
            read.unwrap_or(Err(ServerError::NoAnswer(CLIENT_PATIENCE)))
        })
        .await
    }

    async fn find_primary(&self) -> Result<Client, ServerError> {
        let endpoints = self.endpoints.borrow().clone();
        self.connections.find_primary(&endpoints).await.map(|(_, client)| client)
    }
}

impl CanaryWriter for Writer {
    async fn attempt(&mut self, number: u64) -> Attempt {
        if self.client.is_none() {
            self.client = self.find_primary().await.ok();
        }
        let (Some(client), Ok(number)) = (&self.client, i64::try_from(number)) else {
            return Attempt::Refused;
        };
        let attempt = match timeout(PATIENCE, self.collection.write(client, number)).await {
            Ok(Ok(answer)) if is_acknowledged(&answer) => return Attempt::Acknowledged,
            Ok(Err(error)) if says_no(&error) => Attempt::Refused,
            Ok(Ok(_) | Err(_)) | Err(_) => Attempt::Unknown,
        };
        self.client = None;
        attempt
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, CanaryError> {
        let (what, removal) = ("its collection".to_owned(), self.collection.removal());
        self.read_kept().await.map_err(|why| CanaryError::ReadBack { what, why, removal })
    }
}

/// Written, and a majority has it. A write whose majority did not say so in time may be there or not.
fn is_acknowledged(answer: &Document) -> bool {
    !answer.contains_key("writeConcernError") && !answer.contains_key("writeErrors")
}

fn says_no(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(said) if NOT_THE_PRIMARY.contains(&said.code))
}
