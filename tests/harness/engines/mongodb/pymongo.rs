//! The load's other client of MongoDB: PyMongo, which most Python applications use. Each writer is a process of its own, as each
//! instance of an application is: eight of them in one process would wait for one another's interpreter lock, and the gaps would
//! be Python's. The harness measures when a write begins and ends, as for every other driver.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Stdio;

use ::mongodb::options::Tls;
use anyhow::{Context, Result, bail, ensure};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout_at};

use super::client::{self, RustDriver};
use super::{Mongodb, python};
use crate::load::{Client, Driver, WriteOutcome, cluster_dns};

/// The program that each writer runs.
const PROGRAM: &str = include_str!("pymongo.py");

/// How a new client reaches the set.
#[derive(Debug, Clone)]
pub(super) struct PymongoDriver {
    /// The same collection through the other driver, which creates it and reads it back, so that the driver under test does not
    /// audit itself.
    other: RustDriver,
    python: PathBuf,
}

/// A client: a Python process, and the pipes to it.
struct PymongoClient {
    driver: PymongoDriver,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    /// Killed when this is dropped.
    _process: Child,
}

impl PymongoDriver {
    /// Of a deployed set. Installs a Python with PyMongo the first time.
    pub(super) async fn new(database: &Mongodb) -> Result<Self> {
        Ok(Self { other: RustDriver::new(database).await?, python: python::with_pymongo().await? })
    }

    /// A client that the primary has answered once.
    async fn client(&self) -> Result<PymongoClient> {
        let driver = self.clone();
        // A process uses the DNS settings of the thread that starts it.
        let connected = cluster_dns::runtime()?.spawn(async move { driver.start().await });
        connected.await?
    }

    async fn start(self) -> Result<PymongoClient> {
        let mut process = Command::new(&self.python)
            // Unbuffered, and without the user's own Python packages.
            .args(["-u", "-I", "-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", self.python.display()))?;
        let mut stdin = process.stdin.take().context("the process has a stdin")?;
        let mut stdout = BufReader::new(process.stdout.take().context("the process has a stdout")?).lines();
        stdin.write_all(format!("{}\n", self.settings()?).as_bytes()).await?;
        let line = stdout.next_line().await?.context("the Python program ended at once")?;
        ensure!(line == "ready", "PyMongo: {line}");
        Ok(PymongoClient { driver: self, stdin, stdout, _process: process })
    }

    /// The first line that the program reads.
    fn settings(&self) -> Result<Value> {
        let options = &self.other.options;
        let credential = options.credential.as_ref().context("the writer has a credential")?;
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        // Everything else is the driver's default.
        let mut settings = json!({
            "host": hosts,
            "replicaSet": options.repl_set_name,
            "username": credential.username,
            "password": credential.password,
            "authSource": credential.source,
            "appname": "load",
            "retryWrites": true,
            "w": "majority",
            "connectTimeoutMS": u64::try_from(client::CONNECT_WITHIN.as_millis())?,
            "serverSelectionTimeoutMS": u64::try_from(client::PRIMARY_WITHIN.as_millis())?,
            // Of one attempt, where the default is no limit. The limit for both attempts is in `insert`.
            "socketTimeoutMS": u64::try_from(client::WRITE_WITHIN.as_millis())?,
        });
        if let Some(Tls::Enabled(tls)) = &options.tls {
            settings["tls"] = json!(true);
            settings["tlsCAFile"] = json!(tls.ca_file_path);
        }
        Ok(json!({ "client": settings, "database": options.default_database, "collection": self.other.collection }))
    }
}

impl Driver for PymongoDriver {
    fn prepare(&self) -> BoxFuture<'_, Result<()>> {
        self.other.create_collection().boxed()
    }

    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Client>>> {
        async { Ok(Box::new(self.client().await?) as Box<dyn Client>) }.boxed()
    }
}

impl Client for PymongoClient {
    fn write<'a>(&'a mut self, key: &'a str, number: u64) -> BoxFuture<'a, WriteOutcome> {
        self.insert(key, number).boxed()
    }

    fn read_back<'a>(&'a mut self, key: &'a str) -> BoxFuture<'a, Result<HashSet<u64>>> {
        self.driver.other.find(key).boxed()
    }
}

impl PymongoClient {
    /// Inserts one document, as the other driver does.
    async fn insert(&mut self, writer: &str, number: u64) -> WriteOutcome {
        let until = Instant::now() + client::WRITE_WITHIN;
        if let Err(error) = self.stdin.write_all(format!("{writer} {number}\n").as_bytes()).await {
            return WriteOutcome::Failed(format!("never sent: the Python program: {error}"));
        }
        match timeout_at(until, answer_to(number, &mut self.stdout)).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => WriteOutcome::Unknown(format!("{error:#}")),
            Err(_) => WriteOutcome::Unknown("no answer".to_owned()),
        }
    }
}

/// The program's answer to one write. Answers to earlier writes came too late: the ledger has those as unknown, and they stay so.
async fn answer_to(number: u64, stdout: &mut Lines<impl AsyncBufRead + Unpin>) -> Result<WriteOutcome> {
    loop {
        let line = stdout.next_line().await?.context("the Python program ended")?;
        let mut words = line.splitn(3, ' ');
        let (answered, state, why) = (words.next(), words.next(), words.next().unwrap_or_default().to_owned());
        let answered = answered.and_then(|word| word.parse::<u64>().ok());
        let answered = answered.with_context(|| format!("this is no answer: {line:?}"))?;
        match state {
            _ if answered < number => {}
            Some("acknowledged") if answered == number => return Ok(WriteOutcome::Acknowledged),
            Some("unknown") if answered == number => return Ok(WriteOutcome::Unknown(why)),
            Some("failed") if answered == number => return Ok(WriteOutcome::Failed(why)),
            _ => bail!("this is no answer to write {number}: {line:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt as _;

    use super::{WriteOutcome, answer_to};

    #[tokio::test]
    async fn a_late_answer_is_not_taken_for_that_of_the_next_write() {
        let mut stdout = "1 acknowledged\n2 unknown reset\n3 failed never sent: refused\n4 well\n".as_bytes().lines();
        assert_eq!(answer_to(2, &mut stdout).await.expect("an answer"), WriteOutcome::Unknown("reset".to_owned()));
        let failed = WriteOutcome::Failed("never sent: refused".to_owned());
        assert_eq!(answer_to(3, &mut stdout).await.expect("an answer"), failed);
        assert!(answer_to(4, &mut stdout).await.is_err(), "\"well\" is none of the three states");
        assert!(answer_to(5, &mut stdout).await.is_err(), "the program has ended");
    }
}
