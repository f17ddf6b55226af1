//! LOOK. Asks all members at once, and keeps their answers word for word.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, cmd};
use tokio::time::timeout;

use super::connections::{Connections, PATIENCE, failure};
use super::{Answers, MemberAnswers};
use crate::{Endpoint, ServerError};

/// The settings that change a verdict. `min-slaves-to-write` is what servers before 5.0 call it.
const SETTINGS: &[&str] =
    &["save", "appendonly", "dir", "min-replicas-to-write", "min-slaves-to-write", "cluster-announce-ip"];

/// Asks every member. A silent member does not delay the others: each has its own deadline.
pub(super) async fn observe(connections: &Connections, endpoints: &[Endpoint]) -> Vec<MemberAnswers> {
    join_all(endpoints.iter().map(|endpoint| async move {
        let answer = match timeout(PATIENCE, ask(connections, endpoint)).await {
            Ok(answer) => answer.map_err(|why| why.to_string()),
            Err(_) => Err(ServerError::NoAnswer(PATIENCE).to_string()),
        };
        if answer.is_err() {
            connections.forget(endpoint).await;
        }
        MemberAnswers {
            member: endpoint.member.clone(),
            address: endpoint.address.clone(),
            kept: endpoint.kept.clone(),
            starts: Arc::clone(&endpoint.starts),
            answer,
        }
    }))
    .await
}

/// Addresses of the Sentinels that monitor these members, as those members know them that answer.
pub(super) async fn watchers(connections: &Connections, endpoints: &[Endpoint]) -> Vec<String> {
    let mut addresses: Vec<String> = observe(connections, endpoints)
        .await
        .iter()
        .filter_map(|seen| Some(seen.answer.as_ref().ok()?.sentinels()))
        .flatten()
        .collect();
    addresses.sort();
    addresses.dedup();
    addresses
}

async fn ask(connections: &Connections, endpoint: &Endpoint) -> Result<Answers, ServerError> {
    let mut connection = connections.to(endpoint).await?;
    let mut answers = Answers { info: query(&mut connection, &cmd("INFO")).await?, ..Answers::default() };
    if answers.is_cluster() {
        answers.cluster_info = Some(query(&mut connection, cmd("CLUSTER").arg("INFO")).await?);
        answers.cluster_nodes = Some(query(&mut connection, cmd("CLUSTER").arg("NODES")).await?);
    } else {
        answers.subscribers = query(&mut connection, cmd("CLIENT").arg("LIST").arg("TYPE").arg("pubsub")).await.ok();
    }
    for setting in SETTINGS {
        // Some managed servers rename or forbid CONFIG: the setting is then not known, and `interpret` falls back on INFO.
        if let Ok(values) =
            query::<BTreeMap<String, String>>(&mut connection, cmd("CONFIG").arg("GET").arg(setting)).await
        {
            answers.config.extend(values);
        }
    }
    Ok(answers)
}

async fn query<T: FromRedisValue>(connection: &mut MultiplexedConnection, command: &Cmd) -> Result<T, ServerError> {
    command.query_async(connection).await.map_err(|error| failure(&error))
}
