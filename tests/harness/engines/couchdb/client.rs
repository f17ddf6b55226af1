//! The load's client of CouchDB: an HTTP client, as any application uses one. It keeps its connection to the node that the Service
//! chose, and sends a write again when that breaks: a document's `_id` is made of writer and number, so that it is created once.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::FutureExt;
use futures::future::BoxFuture;
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::Couchdb;
use super::http::Http;
use crate::load::{Client, Driver, WriteOutcome};

/// How long a write may take with all its attempts, as for the other databases.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// Between two attempts.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// How a new client reaches the cluster.
#[derive(Clone)]
pub(super) struct CouchdbDriver {
    address: SocketAddr,
    user: String,
    password: String,
    /// This load's own: documents of an earlier load must not stand in for documents that this one lost.
    database: String,
}

impl std::fmt::Debug for CouchdbDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CouchdbDriver").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A client.
struct CouchdbClient {
    driver: CouchdbDriver,
    connection: Option<Http>,
}

impl CouchdbDriver {
    /// Through the Service.
    pub(super) async fn new(database: &Couchdb) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (user, password) = database.login();
        Ok(Self {
            address: database.service().await?,
            user: user.to_owned(),
            password: password.to_owned(),
            database: format!("load-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)),
        })
    }

    async fn create_database(&self) -> Result<()> {
        let (status, said) = self.dial().await?.ask(Method::PUT, &format!("/{}", self.database), None).await?;
        ensure!([201, 412].contains(&status), "{status} {said}");
        Ok(())
    }

    async fn client(&self) -> Result<CouchdbClient> {
        let mut connection = self.dial().await?;
        let (status, said) = connection.ask(Method::GET, &format!("/{}", self.database), None).await?;
        ensure!(status == 200, "{status} {said}");
        Ok(CouchdbClient { driver: self.clone(), connection: Some(connection) })
    }

    async fn dial(&self) -> Result<Http> {
        Http::connect(self.address, &self.user, &self.password).await
    }
}

impl Driver for CouchdbDriver {
    fn prepare(&self) -> BoxFuture<'_, Result<()>> {
        self.create_database().boxed()
    }

    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Client>>> {
        async { Ok(Box::new(self.client().await?) as Box<dyn Client>) }.boxed()
    }
}

impl Client for CouchdbClient {
    fn write<'a>(&'a mut self, key: &'a str, number: u64) -> BoxFuture<'a, WriteOutcome> {
        self.put(key, number).boxed()
    }

    fn read_back<'a>(&'a mut self, key: &'a str) -> BoxFuture<'a, Result<HashSet<u64>>> {
        self.list(key).boxed()
    }
}

/// What became of one request.
enum Response {
    Status(u16, Value),
    NeverSent(String),
    Unknown(String),
}

impl CouchdbClient {
    /// Creates one document. Only status 201 means that a quorum of the copies has it.
    async fn put(&mut self, writer: &str, number: u64) -> WriteOutcome {
        let until = Instant::now() + WRITE_WITHIN;
        let (path, document) = (self.path(writer, number), json!({"writer": writer, "number": number}));
        let (mut body, mut was_sent, mut last) = (document.clone(), false, String::new());
        while Instant::now() < until {
            match self.send(Method::PUT, &path, Some(&body)).await {
                Response::Status(201, _) => return WriteOutcome::Acknowledged,
                Response::Status(202, _) => return WriteOutcome::Unknown("202: fewer copies than a quorum".to_owned()),
                // A request that broke off has arrived. It is not known how many copies have it, so it is written once more.
                Response::Status(409, _) if was_sent => {
                    if let Response::Status(200, found) = self.send(Method::GET, &path, None).await {
                        body.clone_from(&document);
                        body["_rev"] = found["_rev"].clone();
                    }
                }
                Response::Status(status @ 400..=499, body) => return WriteOutcome::Failed(format!("{status} {body}")),
                Response::Status(status, body) => (was_sent, last) = (true, format!("{status} {body}")),
                Response::Unknown(why) => (was_sent, last) = (true, why),
                Response::NeverSent(why) => last = why,
            }
            sleep(RETRY_AFTER).await;
        }
        if was_sent { WriteOutcome::Unknown(last) } else { WriteOutcome::Failed(format!("never sent: {last}")) }
    }

    async fn send(&mut self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => match self.driver.dial().await {
                Ok(connection) => connection,
                Err(error) => return Response::NeverSent(format!("{error:#}")),
            },
        };
        match connection.ask(method, path, body).await {
            Ok((status, body)) => {
                self.connection = Some(connection);
                Response::Status(status, body)
            }
            Err(error) => Response::Unknown(format!("{error:#}")),
        }
    }

    /// The documents of a writer that hold their own number.
    async fn list(&mut self, writer: &str) -> Result<HashSet<u64>> {
        let list = format!("/{}/_all_docs?startkey=%22{writer}.%22&endkey=%22{writer}.~%22", self.driver.database);
        let found = self.read(&list).await?.context("the database lists no documents")?;
        let rows = found["rows"].as_array().context("the documents are no list")?;
        let number = |row: &Value| row["id"].as_str()?.strip_prefix(writer)?.strip_prefix('.')?.parse::<u64>().ok();
        let mut numbers: HashSet<u64> = rows.iter().filter_map(number).collect();
        // The list is read from one copy of each shard, which may lack what a quorum has; a single document is read from a quorum.
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
        let mut connection = self.driver.dial().await?;
        match connection.ask(Method::GET, path, None).await? {
            (200, found) => Ok(Some(found)),
            (404, _) => Ok(None),
            (status, said) => anyhow::bail!("{path}: {status} {said}"),
        }
    }

    fn path(&self, writer: &str, number: u64) -> String {
        format!("/{}/{writer}.{number}", self.driver.database)
    }
}
