//! The load's client of CouchDB: any HTTP client, as an application has one. It keeps its connection to whatever node the
//! Service led it to, and sends a write again when that breaks: a document's name is its own, so that it is made once.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::driver::Answer;
use crate::Couchdb;
use crate::http::Http;

/// How long a write may take with all its attempts, as for the other databases.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// Between two attempts.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// Where the database is, for a new client.
#[derive(Clone)]
pub(crate) struct Door {
    address: SocketAddr,
    user: String,
    password: String,
    /// This load's own: what an earlier one left behind must not stand in for what this one lost.
    database: String,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A client.
pub(in crate::load) struct Link {
    door: Door,
    connection: Option<Http>,
}

impl Door {
    /// Through the Service.
    pub(crate) async fn of(database: &Couchdb<'_>) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (user, password) = database.login();
        Ok(Self {
            address: database.service().await?,
            user: user.to_owned(),
            password: password.to_owned(),
            database: format!("load-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)),
        })
    }

    pub(super) async fn make_database(&self) -> Result<()> {
        let (status, said) = self.dial().await?.ask(Method::PUT, &format!("/{}", self.database), None).await?;
        ensure!([201, 412].contains(&status), "{status} {said}");
        Ok(())
    }

    pub(super) async fn open(&self) -> Result<Link> {
        let mut connection = self.dial().await?;
        let (status, said) = connection.ask(Method::GET, &format!("/{}", self.database), None).await?;
        ensure!(status == 200, "{status} {said}");
        Ok(Link { door: self.clone(), connection: Some(connection) })
    }

    async fn dial(&self) -> Result<Http> {
        Http::dial(self.address, &self.user, &self.password).await
    }
}

/// What one attempt came to.
enum Attempt {
    Told(u16, Value),
    NeverSent(String),
    Unknown(String),
}

impl Link {
    /// Makes one document. Only 201 says that a quorum of the copies has it.
    pub(super) async fn write(&mut self, writer: &str, number: u64) -> Answer {
        let until = Instant::now() + WRITE_WITHIN;
        let (path, document) = (self.path(writer, number), json!({"writer": writer, "number": number}));
        let (mut body, mut heard, mut last) = (document.clone(), false, String::new());
        while Instant::now() < until {
            match self.attempt(Method::PUT, &path, Some(&body)).await {
                Attempt::Told(201, _) => return Answer::Acknowledged,
                Attempt::Told(202, _) => return Answer::Unknown("202: fewer copies than a quorum".to_owned()),
                // An attempt that broke off was heard. Who has it is not known, so a quorum is asked to take it once more.
                Attempt::Told(409, _) if heard => {
                    if let Attempt::Told(200, found) = self.attempt(Method::GET, &path, None).await {
                        body.clone_from(&document);
                        body["_rev"] = found["_rev"].clone();
                    }
                }
                Attempt::Told(status @ 400..=499, said) => return Answer::Failed(format!("{status} {said}")),
                Attempt::Told(status, said) => (heard, last) = (true, format!("{status} {said}")),
                Attempt::Unknown(why) => (heard, last) = (true, why),
                Attempt::NeverSent(why) => last = why,
            }
            sleep(RETRY_AFTER).await;
        }
        if heard { Answer::Unknown(last) } else { Answer::Failed(format!("never sent: {last}")) }
    }

    async fn attempt(&mut self, method: Method, path: &str, body: Option<&Value>) -> Attempt {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.door.dial().await {
                Ok(connection) => connection,
                Err(error) => return Attempt::NeverSent(format!("{error:#}")),
            },
        };
        match connection.ask(method, path, body).await {
            Ok((status, said)) => {
                self.connection = Some(connection);
                Attempt::Told(status, said)
            }
            Err(error) => Attempt::Unknown(format!("{error:#}")),
        }
    }

    /// The documents of a writer that hold their own number.
    pub(super) async fn numbers(&mut self, writer: &str) -> Result<HashSet<u64>> {
        let list = format!("/{}/_all_docs?startkey=%22{writer}.%22&endkey=%22{writer}.~%22", self.door.database);
        let found = self.read(&list).await?.context("there is no list")?;
        let rows = found["rows"].as_array().context("it is a list")?;
        let number = |row: &Value| row["id"].as_str()?.strip_prefix(writer)?.strip_prefix('.')?.parse::<u64>().ok();
        let mut numbers: HashSet<u64> = rows.iter().filter_map(number).collect();
        // A list is of one copy of each shard, which may lack what a quorum has; a document is asked of a quorum.
        let last = numbers.iter().max().copied().unwrap_or(0);
        for number in (0..last).filter(|number| !numbers.contains(number)).collect::<Vec<_>>() {
            if let Some(found) = self.read(&self.path(writer, number)).await?
                && found["number"] == number
            {
                numbers.insert(number);
            }
        }
        Ok(numbers)
    }

    async fn read(&mut self, path: &str) -> Result<Option<Value>> {
        let mut connection = self.door.dial().await?;
        match connection.ask(Method::GET, path, None).await? {
            (200, found) => Ok(Some(found)),
            (404, _) => Ok(None),
            (status, said) => anyhow::bail!("{path}: {status} {said}"),
        }
    }

    fn path(&self, writer: &str, number: u64) -> String {
        format!("/{}/{writer}.{number}", self.door.database)
    }
}
