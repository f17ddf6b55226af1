//! LOOK. Asks all members at once, and keeps their answers word for word.

use std::time::Duration;

use futures::future::join_all;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::{Client, Database};
use tokio::time::{sleep, timeout};

use super::answers::{COMMITTED_WITHIN, commits, documents};
use super::connections::{Connections, PATIENCE, ask, ask_of, is_withheld};
use super::{Answers, MemberAnswers, ShardedCluster, Withheld};
use crate::{Endpoint, ServerError};

/// Between two questions whether a majority has an entry.
const AGAIN: Duration = Duration::from_millis(20);

/// A member that is in no set yet, has no configuration of one, or only votes refuses some questions. The refusal is an answer.
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

/// Asks every member. A silent member does not delay the others: each has its own deadlines.
pub(super) async fn observe(connections: &Connections, endpoints: &[Endpoint]) -> Vec<MemberAnswers> {
    join_all(endpoints.iter().map(|endpoint| async move {
        let answer = question(connections, endpoint).await;
        if answer.is_err() {
            connections.forget(endpoint).await;
        }
        MemberAnswers {
            member: endpoint.member.clone(),
            address: endpoint.address.clone(),
            kept: endpoint.kept.clone(),
            answer: answer.map_err(|why| why.to_string()),
        }
    }))
    .await
}

/// Two deadlines: connecting and logging in takes as many round trips as all questions after it, and is done once. Under a single
/// deadline a member with a slow network would never be logged in in time, and its connection be closed each time.
async fn question(connections: &Connections, endpoint: &Endpoint) -> Result<Answers, ServerError> {
    let (client, hello) = in_time(connect_and_greet(connections, endpoint)).await?;
    match in_time(async { Ok(all(&client, hello).await) }).await? {
        Ok(answers) => Ok(answers),
        Err(error) => Err(connections.failure(endpoint, &error).await),
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, ServerError>>) -> Result<T, ServerError> {
    timeout(PATIENCE, asked).await.unwrap_or(Err(ServerError::NoAnswer(PATIENCE)))
}

/// A connection on which a member has answered `hello`, before all other questions: a member that cannot be asked costs one
/// deadline instead of nine.
async fn connect_and_greet(connections: &Connections, endpoint: &Endpoint) -> Result<(Client, Document), ServerError> {
    let client = connections.to(endpoint).await?;
    match ask(&client, doc! { "hello": 1 }).await {
        Ok(hello) => Ok((client, hello)),
        Err(error) => Err(connections.failure(endpoint, &error).await),
    }
}

/// Asks all questions one after another, over one connection: the guard asks every second, and should not log in six times.
async fn all(client: &Client, hello: Document) -> Result<Answers, Error> {
    // An arbiter holds no data, and so no users: where a user is required, it answers `hello` only.
    if hello.get_bool("arbiterOnly").unwrap_or(false) {
        let asked = async |question| ask(client, question).await.unwrap_or_default();
        return Ok(Answers {
            status: asked(doc! { "replSetGetStatus": 1 }).await,
            config: asked(doc! { "replSetGetConfig": 1 }).await,
            build: asked(doc! { "buildInfo": 1 }).await,
            hello,
            ..Answers::default()
        });
    }
    // A mongos holds no data and is no member of a set: there is nothing more to ask.
    let mut answers = Answers { hello, ..Answers::default() };
    if answers.is_router() {
        return Ok(answers);
    }
    let builds =
        doc! { "$or": [{ "msg": { "$regex": "^Index Build" } }, { "command.createIndexes": { "$exists": true } }] };
    let mut operations = doc! { "currentOp": 1 };
    operations.extend(builds);
    let admin = client.database("admin");
    answers = Answers {
        status: answered(client, doc! { "replSetGetStatus": 1 }).await?,
        config: answered(client, doc! { "replSetGetConfig": 1 }).await?,
        build: answered(client, doc! { "buildInfo": 1 }).await?,
        features: answered(client, doc! { "getParameter": 1, "featureCompatibilityVersion": 1 }).await?,
        operations: answered(client, operations).await?,
        options: answered(client, doc! { "getCmdLineOpts": 1 }).await?,
        oldest: first(&client.database("local"), oldest_entry()).await?,
        oplog: permitted(first(&client.database("local"), oplog_size()).await)?.unwrap_or_default(),
        ..answers
    };
    let backups = permitted(all_of(&admin, doc! { "find": "pbmLock", "limit": 1 }).await)?;
    let shard =
        permitted(all_of(&admin, doc! { "find": "system.version", "filter": { "_id": "shardIdentity" } }).await)?;
    answers.withheld.extend(backups.is_none().then_some(Withheld::Backups));
    answers.withheld.extend(shard.is_none().then_some(Withheld::Shard));
    answers.backups = backups.into_iter().flatten().next().unwrap_or_default();
    answers.shard = shard.into_iter().flatten().next().unwrap_or_default();
    if answers.leads() {
        answers.committed = committed(client, &answers.status).await?;
    }
    if answers.is_config_server() || answers.is_shard() {
        answers.cluster = permitted(cluster(&client.database("config")).await)?;
        answers.withheld.extend(answers.cluster.is_none().then_some(Withheld::Cluster));
    }
    Ok(answers)
}

/// A primary's status as soon as a majority has what is its newest entry now; as it is then where that takes too long.
async fn committed(client: &Client, status: &Document) -> Result<Document, Error> {
    loop {
        let later = answered(client, doc! { "replSetGetStatus": 1 }).await?;
        let waits = commits(status).zip(commits(&later)).is_some_and(|(first, last)| {
            last.committed < first.applied && last.now - first.applied_at < COMMITTED_WITHIN
        });
        if !waits {
            return Ok(later);
        }
        sleep(AGAIN).await;
    }
}

/// What a part of a sharded cluster knows of it; each part has nothing where the others have something.
async fn cluster(config: &Database) -> Result<ShardedCluster, Error> {
    let balancer = all_of(config, doc! { "find": "settings", "filter": { "_id": "balancer" } }).await?;
    Ok(ShardedCluster {
        balancer: balancer.into_iter().next().unwrap_or_default(),
        shards: all_of(config, doc! { "find": "shards" }).await?,
        leaving: all_of(config, doc! { "find": "migrationCoordinators", "projection": { "nss": 1 } }).await?,
    })
}

/// The oldest entry of the oplog: when it was made, and by what.
fn oldest_entry() -> Document {
    doc! { "find": "oplog.rs", "sort": { "$natural": 1 }, "limit": 1, "projection": { "ts": 1, "wall": 1, "o.msg": 1 } }
}

/// Two numbers of many.
fn oplog_size() -> Document {
    let sizes = doc! { "size": "$storageStats.size", "maxSize": "$storageStats.maxSize" };
    let stages = [doc! { "$collStats": { "storageStats": {} } }, doc! { "$project": sizes }];
    doc! { "aggregate": "oplog.rs", "pipeline": stages.to_vec(), "cursor": {} }
}

async fn answered(client: &Client, question: Document) -> Result<Document, Error> {
    or_nothing(ask(client, question).await)
}

/// The first document a question to a database finds, if any.
async fn first(database: &Database, question: Document) -> Result<Document, Error> {
    Ok(all_of(database, question).await?.into_iter().next().unwrap_or_default())
}

/// What a question to a database finds, of which there is little: what comes in one answer.
async fn all_of(database: &Database, question: Document) -> Result<Vec<Document>, Error> {
    let found = or_nothing(ask_of(database, question, PATIENCE).await)?;
    let cursor = found.get_document("cursor").ok();
    Ok(cursor.into_iter().flat_map(|cursor| documents(cursor, "firstBatch")).cloned().collect())
}

/// None where the user that asks is not allowed to. Some questions are worth asking all the same: the roles that operators
/// give a user who may step a primary down (`clusterAdmin`) read no collection of the database `admin`.
fn permitted<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if is_withheld(&error) => Ok(None),
        answer => answer.map(Some),
    }
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
