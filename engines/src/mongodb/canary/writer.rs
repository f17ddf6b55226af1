//! The canary's writer.

use std::collections::BTreeSet;
use std::time::Instant;

use futures::FutureExt;
use futures::future::select_ok;
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::collection::Collection;
use crate::canary::{Attempt, CLIENT_PATIENCE, RETRY, Writes, now};
use crate::mongodb::links::{Links, PATIENCE, ask};
use crate::{Door, Ledger};

/// Codes of a server that does not lead, so nothing was written (manual, "Error Codes"): `NotWritablePrimary`,
/// `NotPrimaryNoSecondaryOk`, `LegacyNotPrimary`, `NotPrimaryOrSecondary`. One that stops leading or ends meanwhile says
/// something else (`PrimarySteppedDown`, `InterruptedDueToReplStateChange`), and may have written.
const NOT_THE_PRIMARY: &[i32] = &[10107, 13435, 10058, 13436];

pub(super) struct Writer {
    collection: Collection,
    doors: watch::Receiver<Vec<Door>>,
    links: Links,
    /// The connection to whoever last led.
    link: Option<Client>,
}

impl Writer {
    pub(super) fn new(doors: watch::Receiver<Vec<Door>>) -> Self {
        Self { collection: Collection::new(now()), doors, links: Links::default(), link: None }
    }

    pub(super) async fn run(mut self, stop: watch::Receiver<bool>) -> Result<Ledger, String> {
        self.begin().await?;
        crate::canary::run(&mut self, "the replica set".to_owned(), stop).await
    }

    /// Tried as long as a client would: a handover may be under way at this very moment.
    async fn begin(&mut self) -> Result<(), String> {
        let started = Instant::now();
        loop {
            let tidied = match self.leader().await {
                Ok(link) => self.collection.tidy(&link, now()).await.map(|()| link),
                Err(why) => Err(why),
            };
            match tidied {
                Ok(link) => {
                    self.link = Some(link);
                    return Ok(());
                }
                Err(why) if started.elapsed() > CLIENT_PATIENCE => return Err(why),
                Err(_) => sleep(RETRY).await,
            }
        }
    }

    async fn kept(&self) -> Result<BTreeSet<u64>, String> {
        let started = Instant::now();
        loop {
            let read = match self.leader().await {
                Ok(link) => timeout(CLIENT_PATIENCE, self.collection.read_back(&link)).await,
                Err(why) => Ok(Err(why)),
            };
            match read {
                Ok(Ok(numbers)) => return Ok(numbers),
                Ok(Err(why)) if started.elapsed() > CLIENT_PATIENCE => return Err(why),
                Err(_) => return Err(format!("no answer within {CLIENT_PATIENCE:?}")),
                Ok(Err(_)) => sleep(RETRY).await,
            }
        }
    }

    /// A connection to whoever leads: all are asked at once, so that one that hangs delays nobody.
    async fn leader(&self) -> Result<Client, String> {
        let doors = self.doors.borrow().clone();
        if doors.is_empty() {
            return Err("there are no members".to_owned());
        }
        select_ok(doors.iter().map(|door| self.leads(door).boxed())).await.map(|(link, _)| link)
    }

    async fn leads(&self, door: &Door) -> Result<Client, String> {
        let link = self.links.to(door).await?;
        match ask(&link, doc! { "hello": 1 }).await {
            Ok(hello) if hello.get_bool("isWritablePrimary").unwrap_or(false) => Ok(link),
            Ok(_) => Err(format!("{} does not lead", door.member)),
            Err(error) => {
                self.links.forget(door).await;
                Err(error.to_string())
            }
        }
    }
}

impl Writes for Writer {
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

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, String> {
        self.kept().await.map_err(|why| {
            format!(
                "the canary could not read back its collection: {why}; remove it by hand: {}",
                self.collection.removal()
            )
        })
    }
}

/// Written, and a majority has it. A write whose majority did not say so in time may be there or not.
fn is_acknowledged(answer: &Document) -> bool {
    !answer.contains_key("writeConcernError") && !answer.contains_key("writeErrors")
}

fn says_no(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(said) if NOT_THE_PRIMARY.contains(&said.code))
}
