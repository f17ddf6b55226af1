//! LOOK. Asks every member, all at once, and keeps what it said word for word.

use futures::future::join_all;
use hyper::Method;
use serde_json::Value;
use tokio::time::timeout;

use super::connections::{Connections, Link, PATIENCE, refusal};
use super::{Answers, Seen, Told};
use crate::{Endpoint, ServerError};

/// Which node holds which shard: a node's own database, with a document for each database (manual, "Shard Management").
const DBS: &str = "/_node/_local/_dbs";

/// Asks every member. One that is silent delays nobody: each has its own deadline.
pub(super) async fn observe(connections: &Connections, endpoints: &[Endpoint]) -> Vec<Seen> {
    join_all(endpoints.iter().map(|endpoint| async move {
        let answer = match timeout(PATIENCE, question(connections, endpoint)).await {
            Ok(answer) => answer.map_err(|why| why.to_string()),
            Err(_) => Err(ServerError::NoAnswer(PATIENCE).to_string()),
        };
        Seen { member: endpoint.member.clone(), address: endpoint.address.clone(), answer }
    }))
    .await
}

async fn question(connections: &Connections, endpoint: &Endpoint) -> Result<Answers, ServerError> {
    let mut link = connections.to(endpoint).await?;
    let answers = all(&mut link).await?;
    connections.keep(endpoint, link).await;
    Ok(answers)
}

/// One after another, over one connection.
async fn all(link: &mut Link) -> Result<Answers, ServerError> {
    Ok(Answers {
        welcome: link.read("/").await?,
        node: link.read("/_node/_local").await?,
        up: link.ask(Method::GET, "/_up", &[], None).await.map_err(ServerError::from)?,
        maintenance_mode: setting(link).await?,
        membership: link.read("/_membership").await?,
        system: link.read("/_node/_local/_system").await?,
        reshard: link.read("/_reshard").await?,
        shard_maps: shard_maps(link).await?,
    })
}

/// All shard maps in one answer, and that only when any has changed: looked at every second, thousands of them would be
/// megabytes each time.
async fn shard_maps(link: &mut Link) -> Result<Value, ServerError> {
    let told = link.ask(Method::GET, DBS, &[], None).await.map_err(ServerError::from)?;
    let changed = &told.body["update_seq"];
    if let Some((at, maps)) = &link.shard_maps
        && at == changed
    {
        return Ok(maps.clone());
    }
    let maps = link.read(&format!("{DBS}/_all_docs?include_docs=true")).await?;
    // Without a number to compare it is read each time.
    link.shard_maps = (told.status == 200 && changed.is_number()).then(|| (changed.clone(), maps.clone()));
    Ok(maps)
}

/// 404 says that nobody has set it. Any other "no" is no answer.
async fn setting(link: &mut Link) -> Result<Told, ServerError> {
    let path = "/_node/_local/_config/couchdb/maintenance_mode";
    let told = link.ask(Method::GET, path, &[], None).await.map_err(ServerError::from)?;
    if [200, 404].contains(&told.status) { Ok(told) } else { Err(refusal(path, &told)) }
}
