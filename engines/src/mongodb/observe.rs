//! LOOK. Asks every member, all at once, and keeps what it said word for word.

use futures::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::{Client, Database};
use tokio::time::timeout;

use super::links::{Links, PATIENCE, ask, ask_of};
use super::{Answers, Seen};
use crate::Door;

/// A member that is in no set yet, was never told of one, or only votes says no to some questions. That is an answer.
const NO_ANSWERS: &[i32] = &[
    26,    // NamespaceNotFound
    59,    // CommandNotFound
    76,    // NoReplicationEnabled
    94,    // NotYetInitialized
    258,   // UnknownFeatureCompatibilityVersion: it has no data yet
    93,    // InvalidReplicaSetConfig: it was removed from its set
    13435, // NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary: it is copying, or an arbiter
    13436,
];

/// Asks every member. One that is silent delays nobody: each has its own deadline.
pub(super) async fn observe(links: &Links, doors: &[Door]) -> Vec<Seen> {
    join_all(doors.iter().map(|door| async move {
        let answer = match timeout(PATIENCE, question(links, door)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {PATIENCE:?}")),
        };
        if answer.is_err() {
            links.forget(door).await;
        }
        Seen { member: door.member.clone(), address: door.address.clone(), answer }
    }))
    .await
}

async fn question(links: &Links, door: &Door) -> Result<Answers, String> {
    let link = links.to(door).await?;
    match all(&link).await {
        Ok(answers) => Ok(answers),
        Err(error) => Err(links.words(door, &error).await),
    }
}

/// One after another, over one connection: looked at every second, a member is not to be logged in to six times.
async fn all(link: &Client) -> Result<Answers, Error> {
    // Said before anybody logs in: one that cannot be spoken to costs one deadline and not nine.
    let hello = ask(link, doc! { "hello": 1 }).await?;
    // It holds no data, and so no users: where they are asked for, it answers nobody but with this.
    if hello.get_bool("arbiterOnly").unwrap_or(false) {
        let asked = async |question| ask(link, question).await.unwrap_or_default();
        return Ok(Answers {
            status: asked(doc! { "replSetGetStatus": 1 }).await,
            config: asked(doc! { "replSetGetConfig": 1 }).await,
            build: asked(doc! { "buildInfo": 1 }).await,
            hello,
            ..Answers::default()
        });
    }
    let builds =
        doc! { "$or": [{ "msg": { "$regex": "^Index Build" } }, { "command.createIndexes": { "$exists": true } }] };
    let mut operations = doc! { "currentOp": 1 };
    operations.extend(builds);
    Ok(Answers {
        hello,
        status: answered(link, doc! { "replSetGetStatus": 1 }).await?,
        config: answered(link, doc! { "replSetGetConfig": 1 }).await?,
        build: answered(link, doc! { "buildInfo": 1 }).await?,
        features: answered(link, doc! { "getParameter": 1, "featureCompatibilityVersion": 1 }).await?,
        operations: answered(link, operations).await?,
        options: answered(link, doc! { "getCmdLineOpts": 1 }).await?,
        oldest: first(&link.database("local"), oldest_entry()).await?,
        backups: first(&link.database("admin"), doc! { "find": "pbmLock", "limit": 1 }).await?,
    })
}

/// The oldest entry of the oplog: when it was made, and by what.
fn oldest_entry() -> Document {
    doc! { "find": "oplog.rs", "sort": { "$natural": 1 }, "limit": 1, "projection": { "ts": 1, "wall": 1, "o.msg": 1 } }
}

async fn answered(link: &Client, question: Document) -> Result<Document, Error> {
    or_nothing(ask(link, question).await)
}

/// The first document a question to a database finds, if any.
async fn first(database: &Database, question: Document) -> Result<Document, Error> {
    let found = or_nothing(ask_of(database, question, PATIENCE).await)?;
    let batch = found.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let first = batch.ok().and_then(|batch| batch.first()?.as_document().cloned());
    Ok(first.unwrap_or_default())
}

fn or_nothing(answer: Result<Document, Error>) -> Result<Document, Error> {
    match answer {
        Err(error) if says_no(&error) => Ok(Document::new()),
        answer => answer,
    }
}

fn says_no(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(said) if NO_ANSWERS.contains(&said.code))
}
