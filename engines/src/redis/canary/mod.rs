//! TOUCH, keys of its own only. Writes one field after another to one key a shard, follows the shard's primary as a
//! client does (`MOVED`, reconnect), and at the end proves that every acknowledged write is there.

mod writer;

use futures::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::cmd;
use tokio::sync::watch;

use super::connections::{connect, failure};
use super::node_line::{NodeLine, name};
use crate::{CanaryError, Endpoint, Ledger, ServerError};
use writer::Writer;

/// Tags tried until every shard has a key; slots are spread evenly, so a few dozen find a hundred shards.
const TAGS: u32 = 2_000;

/// Runs one writer a shard until told to stop.
pub(super) async fn run(
    endpoints: watch::Receiver<Vec<Endpoint>>,
    stop: watch::Receiver<bool>,
) -> Result<Ledger, CanaryError> {
    let now = endpoints.borrow().clone();
    let keys = keys(&now).await?;
    let writers = keys.into_iter().map(|(group, key)| Writer::new(key, endpoints.clone()).run(group, stop.clone()));
    let mut ledger = Ledger::default();
    for written in join_all(writers).await {
        ledger.add(written?);
    }
    ledger.gaps.sort_by_key(|gap| (gap.from, gap.until));
    Ok(ledger)
}

/// One key for each shard, named after this process so that two canaries never share one.
async fn keys(endpoints: &[Endpoint]) -> Result<Vec<(String, String)>, ServerError> {
    let mut connection = connect_to_any(endpoints).await?;
    let key = |tag: u32| format!("kubectl-stateful:canary:{{{}-{tag}}}", std::process::id());
    let Ok(nodes) = cmd("CLUSTER").arg("NODES").query_async::<String>(&mut connection).await else {
        return Ok(vec![("the replica group".to_owned(), key(0))]); // cluster mode is off
    };
    let mut shards: Vec<Vec<(u32, u32)>> = NodeLine::parse_all(&nodes)
        .into_iter()
        .filter(|node| node.is_master() && !node.slots.is_empty())
        .map(|node| node.slots)
        .collect();
    let mut keys = Vec::new();
    for key in (0..TAGS).map(key) {
        if shards.is_empty() {
            break;
        }
        let slot: u32 = cmd("CLUSTER")
            .arg("KEYSLOT")
            .arg(&key)
            .query_async(&mut connection)
            .await
            .map_err(|error| failure(&error))?;
        let owner = shards.iter().position(|slots| slots.iter().any(|(first, last)| (*first..=*last).contains(&slot)));
        if let Some(owner) = owner {
            keys.push((name(&shards.swap_remove(owner)), key));
        }
    }
    Ok(keys)
}

async fn connect_to_any(endpoints: &[Endpoint]) -> Result<MultiplexedConnection, ServerError> {
    let mut why = ServerError::NoMembers;
    for endpoint in endpoints {
        match endpoint.dial_config() {
            Ok(target) => match connect(target).await {
                Ok(connection) => return Ok(connection),
                Err(error) => why = error,
            },
            Err(error) => why = error,
        }
    }
    Err(why)
}
