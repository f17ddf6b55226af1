//! The load's other client of MongoDB: PyMongo, which most applications in Python write through. Each writer is a process of
//! its own, as each instance of an application is: eight of them in one would wait for one another's interpreter lock, and
//! the gaps would be Python's. When a write begins and ends is measured here, as for every other driver.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Stdio;

use ::mongodb::options::Tls;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout_at};

use super::driver::Answer;
use super::{inside, mongodb, python};
use crate::Mongodb;

/// What each writer runs.
const PROGRAM: &str = include_str!("pymongo.py");

/// Where the database is, for a new client.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    /// The same collection through the other driver, which makes it and reads it back: who writes does not audit himself.
    other: mongodb::Door,
    python: PathBuf,
}

/// A client.
pub(in crate::load) struct Link {
    door: Door,
    hears: ChildStdin,
    says: Lines<BufReader<ChildStdout>>,
    /// Ended with this, wherever it is in its work. The words above are its own ends of the same pipes.
    _process: Child,
}

impl Door {
    /// Of a deployed set. Makes a Python with PyMongo, the first time.
    pub(crate) async fn of(database: &Mongodb<'_>) -> Result<Self> {
        Ok(Self { other: mongodb::Door::of(database), python: python::with_pymongo().await? })
    }

    pub(super) async fn make_collection(&self) -> Result<()> {
        self.other.make_collection().await
    }

    /// A client that has spoken with the primary once.
    pub(super) async fn open(&self) -> Result<Link> {
        let door = self.clone();
        // A process sees the name service that the thread sees which starts it.
        let opened = inside::runtime()?.spawn(async move { door.start().await });
        opened.await?
    }

    async fn start(self) -> Result<Link> {
        let mut process = Command::new(&self.python)
            // Unbuffered; and nothing of the user's own Python.
            .args(["-u", "-I", "-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", self.python.display()))?;
        let mut hears = process.stdin.take().context("it can be spoken to")?;
        let mut says = BufReader::new(process.stdout.take().context("it can be heard")?).lines();
        hears.write_all(format!("{}\n", self.settings()?).as_bytes()).await?;
        let word = says.next_line().await?.context("the Python program ended at once")?;
        ensure!(word == "ready", "PyMongo: {word}");
        Ok(Link { door: self, hears, says, _process: process })
    }

    /// What the program is told first.
    fn settings(&self) -> Result<Value> {
        let options = &self.other.options;
        let credential = options.credential.as_ref().context("who writes is known")?;
        let hosts: Vec<String> = options.hosts.iter().map(ToString::to_string).collect();
        // Everything that is not said is the driver's default.
        let mut client = json!({
            "host": hosts,
            "replicaSet": options.repl_set_name,
            "username": credential.username,
            "password": credential.password,
            "authSource": credential.source,
            "appname": "load",
            "retryWrites": true,
            "w": "majority",
            "connectTimeoutMS": u64::try_from(mongodb::CONNECT_WITHIN.as_millis())?,
            "serverSelectionTimeoutMS": u64::try_from(mongodb::PRIMARY_WITHIN.as_millis())?,
            // Of one attempt, where the default is none. How long a write may take with both is kept below.
            "socketTimeoutMS": u64::try_from(mongodb::WRITE_WITHIN.as_millis())?,
        });
        if let Some(Tls::Enabled(tls)) = &options.tls {
            client["tls"] = json!(true);
            client["tlsCAFile"] = json!(tls.ca_file_path);
        }
        Ok(json!({ "client": client, "database": options.default_database, "collection": self.other.collection }))
    }
}

impl Link {
    /// Inserts one document, as the other driver does.
    pub(super) async fn write(&mut self, writer: &str, number: u64) -> Answer {
        let until = Instant::now() + mongodb::WRITE_WITHIN;
        if let Err(error) = self.hears.write_all(format!("{writer} {number}\n").as_bytes()).await {
            return Answer::Failed(format!("never sent: the Python program: {error}"));
        }
        match timeout_at(until, answer(&mut self.says, number)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::Unknown(format!("{error:#}")),
            Err(_) => Answer::Unknown("no answer".to_owned()),
        }
    }

    /// The documents of a writer, as a majority has them.
    pub(super) async fn numbers(&self, writer: &str) -> Result<HashSet<u64>> {
        self.door.other.open().await?.numbers(writer).await
    }
}

/// The program's answer to one write. Those to earlier ones came too late: they are in the ledger as unknown, and stay it.
async fn answer(says: &mut Lines<impl AsyncBufRead + Unpin>, number: u64) -> Result<Answer> {
    loop {
        let line = says.next_line().await?.context("the Python program ended")?;
        let mut words = line.splitn(3, ' ');
        let (answered, became, why) = (words.next(), words.next(), words.next().unwrap_or_default().to_owned());
        let answered: u64 = answered.and_then(|word| word.parse().ok()).with_context(|| format!("it says {line:?}"))?;
        match became {
            _ if answered < number => {}
            Some("acknowledged") if answered == number => return Ok(Answer::Acknowledged),
            Some("unknown") if answered == number => return Ok(Answer::Unknown(why)),
            Some("failed") if answered == number => return Ok(Answer::Failed(why)),
            _ => bail!("of {number} it says {line:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncBufReadExt as _;

    use super::{Answer, answer};

    #[tokio::test]
    async fn an_answer_that_came_too_late_is_not_the_next_writes() {
        let mut says = "1 acknowledged\n2 unknown Why it is\n3 failed never sent: Nobody\n4 well\n".as_bytes().lines();
        assert_eq!(answer(&mut says, 2).await.expect("an answer"), Answer::Unknown("Why it is".to_owned()));
        assert_eq!(answer(&mut says, 3).await.expect("an answer"), Answer::Failed("never sent: Nobody".to_owned()));
        assert!(answer(&mut says, 4).await.is_err(), "it is none of the three");
        assert!(answer(&mut says, 5).await.is_err(), "nobody is there any more");
    }
}
