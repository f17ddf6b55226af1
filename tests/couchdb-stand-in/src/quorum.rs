//! Clustered requests: any node coordinates, the nodes that hold a document's shard answer, and a quorum of them decides
//! (manual, "Shard Management": Quorum; "PUT /{db}/{docid}": 201 and 202).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::document::Document;
use crate::node::Node;
use crate::replication::bring_soon;
use crate::shard_map::ShardMap;
use crate::store::Name;

/// A status, and what is said with it.
pub(crate) type Reply = (u16, Value);

/// Copies and shards of a new database, where nothing else is asked for (manual, "Shard Management": the defaults).
const N: usize = 3;
const Q: usize = 2;

/// An error as CouchDB words it.
pub(crate) fn error(status: u16, error: &str, reason: &str) -> Reply {
    (status, json!({"error": error, "reason": reason}))
}

/// No database of that name.
pub(crate) fn no_database() -> Reply {
    error(404, "not_found", "Database does not exist.")
}

/// What became of a write on one copy.
enum Copy {
    Stored,
    Conflict,
    Failed,
}

/// Writes a revision of a document: 201 once `w` copies have it, 202 where fewer have, and an error where none has.
pub(crate) async fn write(node: &Arc<Node>, name: &Name, holders: &[String], id: &str, write: Write) -> Reply {
    let document = Document::after(write.parent.as_deref(), write.deleted, write.body);
    let rev = document.rev.clone();
    let body = json!({"database": name.0, "range": name.1, "id": id, "parent": write.parent, "document": document});
    let (decided, decision) = oneshot::channel();
    let answers = ask_all(node, holders, "put", body);
    tokio::spawn(count(Arc::clone(node), name.clone(), answers, holders.len(), write.w, decided));
    let told = json!({"ok": true, "id": id, "rev": rev});
    match decision.await {
        Ok(Outcome::Quorum) => (if write.deleted { 200 } else { 201 }, told),
        Ok(Outcome::Fewer) => (202, told),
        Ok(Outcome::Conflict) => error(409, "conflict", "Document update conflict."),
        Ok(Outcome::Nobody) | Err(_) => error(500, "internal_server_error", "No copy of the shard could be written."),
    }
}

/// What is to be written, and how many copies are enough.
pub(crate) struct Write {
    pub(crate) parent: Option<String>,
    pub(crate) deleted: bool,
    pub(crate) body: Value,
    pub(crate) w: usize,
}

/// What became of a write.
enum Outcome {
    Quorum,
    Fewer,
    Conflict,
    Nobody,
}

/// Counts what the copies say, tells as soon as it is decided, and sees to it that those that failed are brought what they
/// missed.
async fn count(
    node: Arc<Node>,
    name: Name,
    mut answers: mpsc::UnboundedReceiver<(String, Copy)>,
    copies: usize,
    w: usize,
    decided: oneshot::Sender<Outcome>,
) {
    let mut decided = Some(decided);
    let (mut stored, mut conflicts, mut failed) = (0_usize, 0_usize, Vec::new());
    for _ in 0..copies {
        match answers.recv().await {
            Some((_, Copy::Stored)) => stored += 1,
            Some((_, Copy::Conflict)) => conflicts += 1,
            Some((holder, Copy::Failed)) => failed.push(holder),
            None => {}
        }
        if stored >= w
            && let Some(decided) = decided.take()
        {
            let _ = decided.send(Outcome::Quorum); // a client that has gone needs no answer
        }
    }
    if let Some(decided) = decided {
        let _ = decided.send(match (stored, conflicts) {
            (1.., _) => Outcome::Fewer,
            (0, 1..) => Outcome::Conflict,
            (0, 0) => Outcome::Nobody,
        });
    }
    // After the copy of this node has it, so that whoever is connected in between is brought it all the same.
    if stored > 0 {
        for holder in &failed {
            bring_soon(&node, holder, name.clone());
        }
    }
}

/// Asks every node that holds a copy, all at once; one that is not connected has failed already.
fn ask_all(
    node: &Arc<Node>,
    holders: &[String],
    what: &'static str,
    body: Value,
) -> mpsc::UnboundedReceiver<(String, Copy)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let (body, connected) = (Arc::new(body), node.connected());
    for holder in holders {
        let (node, holder, body, sender) = (Arc::clone(node), holder.clone(), Arc::clone(&body), sender.clone());
        let reachable = holder == node.settings.name || connected.contains(&holder);
        tokio::spawn(async move {
            let asked = if reachable { node.ask(&holder, what, &body).await } else { Err(String::new()) };
            let copy = match asked.map(|answer| answer["stored"].as_bool()) {
                Ok(Some(true)) => Copy::Stored,
                Ok(Some(false)) => Copy::Conflict,
                Ok(None) | Err(_) => Copy::Failed,
            };
            let _ = sender.send((holder, copy)); // whoever counts may have gone
        });
    }
    receiver
}

/// Reads a document: the winner of what `r` copies have, or of as many as answer.
pub(crate) async fn read(node: &Arc<Node>, name: &Name, holders: &[String], id: &str, r: usize) -> Reply {
    let body = json!({"database": name.0, "range": name.1, "id": id});
    let mut best: Option<Document> = None;
    let mut answered = 0;
    let connected = node.connected();
    for holder in holders.iter().filter(|holder| **holder == node.settings.name || connected.contains(*holder)) {
        let Ok(answer) = node.ask(holder, "get", &body).await else { continue };
        if answer.get("document").is_none() {
            continue;
        }
        answered += 1;
        let found = serde_json::from_value::<Document>(answer["document"].clone()).ok();
        let wins = |found: &Document| best.as_ref().is_none_or(|best| found.wins_over(best));
        if let Some(found) = found.filter(wins) {
            best = Some(found);
        }
        if answered >= r {
            break;
        }
    }
    match best {
        Some(document) if document.deleted => error(404, "not_found", "deleted"),
        Some(document) => (200, document.shown(id)),
        None if answered == 0 => error(500, "internal_server_error", "No copy of the shard could be read."),
        None => error(404, "not_found", "missing"),
    }
}

/// Every document of a database, as one copy of each shard has it.
pub(crate) async fn all(node: &Arc<Node>, database: &str, map: &ShardMap) -> Reply {
    let mut rows: BTreeMap<String, Value> = BTreeMap::new();
    for (range, holders) in &map.by_range {
        let body = json!({"database": database, "range": range});
        let connected = node.connected();
        let mut documents = None;
        for holder in holders.iter().filter(|holder| **holder == node.settings.name || connected.contains(*holder)) {
            let answer = node.ask(holder, "all", &body).await.unwrap_or_default();
            documents = serde_json::from_value::<crate::store::Documents>(answer["documents"].clone()).ok();
            if documents.is_some() {
                break;
            }
        }
        let Some(documents) = documents else {
            return error(500, "internal_server_error", "No copy of a shard could be read.");
        };
        let there = documents.into_iter().filter(|(_, document)| !document.deleted);
        rows.extend(
            there.map(|(id, document)| (id.clone(), json!({"id": id, "key": id, "value": {"rev": document.rev}}))),
        );
    }
    (200, json!({"total_rows": rows.len(), "offset": 0, "rows": rows.into_values().collect::<Vec<_>>()}))
}

/// Makes a database (manual, "PUT /{db}").
pub(crate) async fn make(node: &Arc<Node>, database: &str, q: Option<usize>, n: Option<usize>) -> Reply {
    if node.store.map(database).is_some() {
        return error(412, "file_exists", "The database could not be created, the file already exists.");
    }
    let before = node.store.maps().get(database).map_or(0, |map| map.generation);
    let nodes: Vec<String> = node.cluster().into_iter().collect();
    let map = ShardMap::new(before + 1, q.unwrap_or(Q).max(1), n.unwrap_or(N).max(1), &nodes);
    (if tell(node, database, map).await { 201 } else { 202 }, json!({"ok": true}))
}

/// Removes a database.
pub(crate) async fn remove(node: &Arc<Node>, database: &str) -> Reply {
    let Some(map) = node.store.map(database) else { return no_database() };
    let gone = ShardMap { generation: map.generation + 1, ..map };
    (if tell(node, database, gone).await { 200 } else { 202 }, json!({"ok": true}))
}

/// Lets every node know a shard map. Whether a quorum of them does.
async fn tell(node: &Arc<Node>, database: &str, map: ShardMap) -> bool {
    let body = json!({database: map});
    let nodes = node.cluster();
    let mut told = 0;
    for other in &nodes {
        let reachable = *other == node.settings.name || node.connected().contains(other);
        told += usize::from(reachable && node.ask(other, "maps", &body).await.is_ok());
    }
    told > nodes.len() / 2
}
