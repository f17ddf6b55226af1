//! LOOK. Asks all members at once, and keeps their answers word for word.

use futures::future::join_all;
use hyper::Method;
use serde_json::Value;
use tokio::time::timeout;

use super::connections::{Connection, Connections, PATIENCE, refusal};
use super::{Answers, HttpAnswer, MemberAnswers};
use crate::{Endpoint, ServerError};

/// Which node holds which shard: a node's own database, with a document for each database (manual, "Shard Management").
const DBS: &str = "/_node/_local/_dbs";

/// Asks every member. A silent member does not delay the others: each has its own deadline.
pub(super) async fn observe(connections: &Connections, endpoints: &[Endpoint]) -> Vec<MemberAnswers> {
    join_all(endpoints.iter().map(|endpoint| async move {
        let answer = match timeout(PATIENCE, question(connections, endpoint)).await {
            Ok(answer) => answer.map_err(|why| why.to_string()),
            Err(_) => Err(ServerError::NoAnswer(PATIENCE).to_string()),
        };
        MemberAnswers { member: endpoint.member.clone(), address: endpoint.address.clone(), answer }
    }))
    .await
}

async fn question(connections: &Connections, endpoint: &Endpoint) -> Result<Answers, ServerError> {
    let mut connection = connections.to(endpoint).await?;
    let answers = all(&mut connection).await?;
    connections.keep(endpoint, connection).await;
    Ok(answers)
}

/// Asks all questions one after another, over one connection.
async fn all(connection: &mut Connection) -> Result<Answers, ServerError> {
    Ok(Answers {
        welcome: connection.read("/").await?,
        node: connection.read("/_node/_local").await?,
        up: connection.ask(Method::GET, "/_up", &[], None).await.map_err(ServerError::from)?,
        maintenance_mode: maintenance_mode(connection).await?,
        membership: connection.read("/_membership").await?,
        system: connection.read("/_node/_local/_system").await?,
        reshard: connection.read("/_reshard").await?,
        shard_maps: shard_maps(connection).await?,
    })
}

/// All shard maps in one answer, read again only when one has changed: the guard asks every second, and thousands of maps
/// would be megabytes each time.
async fn shard_maps(connection: &mut Connection) -> Result<Value, ServerError> {
    let answer = connection.ask(Method::GET, DBS, &[], None).await.map_err(ServerError::from)?;
    let changed = &answer.body["update_seq"];
    if let Some((at, maps)) = &connection.shard_maps
        && at == changed
    {
        return Ok(maps.clone());
    }
    let maps = connection.read(&format!("{DBS}/_all_docs?include_docs=true")).await?;
    // Without an update sequence to compare they are read each time.
    connection.shard_maps = (answer.status == 200 && changed.is_number()).then(|| (changed.clone(), maps.clone()));
    Ok(maps)
}

/// The maintenance mode; 404 says that it is not set. Any other failure is an error.
async fn maintenance_mode(connection: &mut Connection) -> Result<HttpAnswer, ServerError> {
    let path = "/_node/_local/_config/couchdb/maintenance_mode";
    let answer = connection.ask(Method::GET, path, &[], None).await.map_err(ServerError::from)?;
    if [200, 404].contains(&answer.status) { Ok(answer) } else { Err(refusal(path, &answer)) }
}
