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

/// Codes of a server that does not lead, so nothing was written (manual, "Error Codes"): `NotWritablePrimary`,
/// `NotPrimaryNoSecondaryOk`, `LegacyNotPrimary`, `NotPrimaryOrSecondary`. One that stops leading or ends meanwhile says
/// something else (`PrimarySteppedDown`, `InterruptedDueToReplStateChange`), and may have written.
const NOT_THE_PRIMARY: &[i32] = &[10107, 13435, 10058, 13436];

pub(super) struct Writer {
    collection: Collection,
    endpoints: watch::Receiver<Vec<Endpoint>>,
    connections: Connections,
    /// The connection to whoever last led.
    link: Option<Client>,
}

impl Writer {
    pub(super) fn new(endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        Self { collection: Collection::new(now()), endpoints, connections: Connections::default(), link: None }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Ledger, CanaryError> {
        self.begin().await?;
        crate::canary::run(&mut self, "the replica set".to_owned(), stop).await
    }

    async fn begin(&mut self) -> Result<(), ServerError> {
        let link = retry_like_a_client(|| self.leader()).await?;
        self.collection.choose_database(&link).await?;
        let link = retry_like_a_client(|| async {
            let link = self.leader().await?;
            self.collection.tidy(&link, now()).await.map(|()| link)
        });
        self.link = Some(link.await?);
        Ok(())
    }

    async fn kept(&self) -> Result<BTreeSet<u64>, ServerError> {
        retry_like_a_client(|| async {
            let link = self.leader().await?;
            let read = timeout(CLIENT_PATIENCE, self.collection.read_back(&link)).await;
            read.unwrap_or(Err(ServerError::NoAnswer(CLIENT_PATIENCE)))
        })
        .await
    }

    async fn leader(&self) -> Result<Client, ServerError> {
        let endpoints = self.endpoints.borrow().clone();
        self.connections.leader(&endpoints).await.map(|(_, link)| link)
    }
}

impl CanaryWriter for Writer {
    async fn attempt(&mut self, number: u64) -> Attempt {
        if self.link.is_none() {
            self.link = self.leader().await.ok();
        }
        let (Some(link), Ok(number)) = (&self.link, i64::try_from(number)) else {
            return Attempt::Refused;
        };
        let attempt = match timeout(PATIENCE, self.collection.write(link, number)).await {
            Ok(Ok(answer)) if is_acknowledged(&answer) => return Attempt::Acknowledged,
            Ok(Err(error)) if says_no(&error) => Attempt::Refused,
            Ok(Ok(_) | Err(_)) | Err(_) => Attempt::Unknown,
        };
        self.link = None;
        attempt
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, CanaryError> {
        let (what, removal) = ("its collection".to_owned(), self.collection.removal());
        self.kept().await.map_err(|why| CanaryError::ReadBack { what, why, removal })
    }
}

/// Written, and a majority has it. A write whose majority did not say so in time may be there or not.
fn is_acknowledged(answer: &Document) -> bool {
    !answer.contains_key("writeConcernError") && !answer.contains_key("writeErrors")
}

fn says_no(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(said) if NOT_THE_PRIMARY.contains(&said.code))
}
