//! Internal replication: whoever can be reached again is brought what it lacks, shard by shard, before anybody counts the
//! work as done (manual, "Shard Management": `internal_replication_jobs`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::node::Node;
use crate::store::{Documents, Name};

/// Between two looks at whether another node can be reached. Erlang's own take up to a minute; the tests have none.
const LOOK: Duration = Duration::from_millis(200);

/// As many documents as go to another copy at once.
const AT_ONCE: usize = 200;

/// Looks after every other node of the cluster, for ever.
pub(crate) fn look_after_others(node: &Arc<Node>) {
    for other in node.cluster().into_iter().filter(|other| *other != node.settings.name) {
        let node = Arc::clone(node);
        tokio::spawn(async move {
            loop {
                if node.ask(&other, "hello", &Value::Null).await.is_ok() {
                    let shared = shared(&node, &other);
                    // The work is there from the very moment it is connected: nobody sees it connected and nothing to do.
                    if node.connect(&other, shared.len() + 1) {
                        tokio::spawn(bring_all(Arc::clone(&node), other.clone(), shared));
                    }
                }
                sleep(LOOK).await;
            }
        });
    }
}

/// Brings one shard to a node that may have missed a write. One that cannot be reached is brought everything when it can.
pub(crate) fn bring_soon(node: &Arc<Node>, other: &str, shard: Name) {
    if !node.connected().contains(other) {
        return;
    }
    node.jobs.fetch_add(1, Ordering::SeqCst);
    let (node, other) = (Arc::clone(node), other.to_owned());
    tokio::spawn(async move {
        drop(bring(&node, &other, &shard).await);
        node.jobs.fetch_sub(1, Ordering::SeqCst);
    });
}

async fn bring_all(node: Arc<Node>, other: String, shards: Vec<Name>) {
    // A node that fails meanwhile is connected no more, and begun with anew when it is.
    drop(node.ask(&other, "maps", &json!(node.store.maps())).await);
    node.jobs.fetch_sub(1, Ordering::SeqCst);
    for shard in shards {
        drop(bring(&node, &other, &shard).await);
        node.jobs.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The shards both hold.
fn shared(node: &Node, other: &str) -> Vec<Name> {
    let maps = node.store.maps().into_iter().filter(|(_, map)| map.is_there());
    let own = &node.settings.name;
    let both = |nodes: &Vec<String>| nodes.contains(own) && nodes.iter().any(|node| node == other);
    maps.flat_map(|(database, map)| {
        let ranges = map.by_range.into_iter().filter(|(_, nodes)| both(nodes));
        ranges.map(move |(range, _)| (database.clone(), range)).collect::<Vec<_>>()
    })
    .collect()
}

async fn bring(node: &Node, other: &str, shard: &Name) -> Result<(), String> {
    let (database, range) = shard;
    let named = |more: Value| {
        let mut body = json!({"database": database, "range": range});
        body["documents"] = more;
        body
    };
    let theirs = node.ask(other, "revs", &named(Value::Null)).await?;
    let theirs: BTreeMap<String, String> = serde_json::from_value(theirs).map_err(|error| error.to_string())?;
    let mut missing: Documents = node.store.all(shard)?;
    missing.retain(|id, document| theirs.get(id) != Some(&document.rev));
    let missing: Vec<_> = missing.into_iter().collect();
    for some in missing.chunks(AT_ONCE) {
        let documents: Documents = some.iter().cloned().collect();
        node.ask(other, "take", &named(json!(documents))).await?;
    }
    Ok(())
}
