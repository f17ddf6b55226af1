//! The canary's writer.

use std::collections::BTreeSet;

use hyper::Method;
use tokio::sync::watch;
use tokio::time::timeout;

use super::database::Database;
use crate::canary::{Attempt, CLIENT_PATIENCE, Writes, now, patiently, whoever_leads};
use crate::couchdb::connections::Link;
use crate::{CanaryError, Endpoint, Ledger, ServerError};

pub(super) struct Writer {
    database: Database,
    endpoints: watch::Receiver<Vec<Endpoint>>,
    /// The connection to a node that was up a moment ago.
    link: Option<Link>,
    /// The last number tried.
    last: u64,
}

impl Writer {
    pub(super) fn new(endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        Self { database: Database::new(now()), endpoints, link: None, last: 0 }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Ledger, CanaryError> {
        let link = patiently(|| async {
            let mut link = self.any().await?;
            Database::tidy(&mut link, now()).await?;
            self.database.make(&mut link).await.map(|()| link)
        });
        self.link = Some(link.await?);
        crate::canary::run(&mut self, "a shard".to_owned(), stop).await
    }

    /// Any node that is up, whichever says so first: as a load balancer chooses.
    async fn any(&self) -> Result<Link, ServerError> {
        let endpoints = self.endpoints.borrow().clone();
        whoever_leads(&endpoints, |endpoint| async move {
            let mut link = Link::to(endpoint).await?;
            if is_up(&mut link).await {
                Ok(link)
            } else {
                Err(ServerError::NotTheOne { member: endpoint.member.clone(), why: "is not up" })
            }
        })
        .await
    }
}

async fn is_up(link: &mut Link) -> bool {
    let up = link.ask(Method::GET, "/_up", &[], None).await;
    up.is_ok_and(|told| told.status == 200)
}

impl Writes for Writer {
    async fn attempt(&mut self, number: u64) -> Attempt {
        self.last = self.last.max(number);
        if let Some(link) = &mut self.link
            && !is_up(link).await
        {
            self.link = None;
        }
        if self.link.is_none() {
            self.link = self.any().await.ok();
        }
        let Some(link) = &mut self.link else { return Attempt::Refused };
        let attempt = self.database.write(link, number).await;
        if !matches!(attempt, Attempt::Acknowledged) {
            self.link = None;
        }
        attempt
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, CanaryError> {
        let kept = patiently(|| async {
            let mut link = self.any().await?;
            let read = timeout(CLIENT_PATIENCE, self.database.read_back(&mut link, self.last)).await;
            read.unwrap_or(Err(ServerError::NoAnswer(CLIENT_PATIENCE)))
        });
        let (what, removal) = ("its database".to_owned(), self.database.removal());
        kept.await.map_err(|why| CanaryError::ReadBack { what, why, removal })
    }
}
