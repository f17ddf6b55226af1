//! The canary's writer.

use std::collections::BTreeSet;

use hyper::Method;
use tokio::sync::watch;
use tokio::time::timeout;

use super::database::Database;
use crate::canary::{Attempt, CLIENT_PATIENCE, CanaryWriter, find_usable, now, retry_like_a_client};
use crate::couchdb::connections::Connection;
use crate::{CanaryError, Endpoint, Ledger, ServerError};

pub(super) struct Writer {
    database: Database,
    endpoints: watch::Receiver<Vec<Endpoint>>,
    /// The connection to a node that was up a moment ago.
    connection: Option<Connection>,
    /// The last number tried.
    last: u64,
}

impl Writer {
    pub(super) fn new(endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        Self { database: Database::new(now()), endpoints, connection: None, last: 0 }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Ledger, CanaryError> {
        let connection = retry_like_a_client(|| async {
            let mut connection = self.connect_to_any().await?;
            Database::tidy(&mut connection, now()).await?;
            self.database.create(&mut connection).await.map(|()| connection)
        });
        self.connection = Some(connection.await?);
        crate::canary::run(&mut self, "a shard".to_owned(), stop).await
    }

    /// Any node that is up, whichever answers first, like the choice of a load balancer.
    async fn connect_to_any(&self) -> Result<Connection, ServerError> {
        let endpoints = self.endpoints.borrow().clone();
        find_usable(&endpoints, |endpoint| async move {
            let mut connection = Connection::to(endpoint).await?;
            if is_up(&mut connection).await {
                Ok(connection)
            } else {
                Err(ServerError::Unsuitable { member: endpoint.member.clone(), why: "is not up" })
            }
        })
        .await
    }
}

async fn is_up(connection: &mut Connection) -> bool {
    let up = connection.ask(Method::GET, "/_up", &[], None).await;
    up.is_ok_and(|answer| answer.status == 200)
}

impl CanaryWriter for Writer {
    async fn attempt(&mut self, number: u64) -> Attempt {
        self.last = self.last.max(number);
        if let Some(connection) = &mut self.connection
            && !is_up(connection).await
        {
            self.connection = None;
        }
        if self.connection.is_none() {
            self.connection = self.connect_to_any().await.ok();
        }
        let Some(connection) = &mut self.connection else { return Attempt::Refused };
        let attempt = self.database.write(connection, number).await;
        if !matches!(attempt, Attempt::Acknowledged) {
            self.connection = None;
        }
        attempt
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, CanaryError> {
        let kept = retry_like_a_client(|| async {
            let mut connection = self.connect_to_any().await?;
            let read = timeout(CLIENT_PATIENCE, self.database.read_back(&mut connection, self.last)).await;
            read.unwrap_or(Err(ServerError::NoAnswer(CLIENT_PATIENCE)))
        });
        let (what, removal) = ("its database".to_owned(), self.database.removal());
        kept.await.map_err(|why| CanaryError::ReadBack { what, why, removal })
    }
}
