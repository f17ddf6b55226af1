//! What a client may ask: the part of CouchDB's HTTP interface that an operator of a cluster uses, and documents.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::Method;
use serde_json::{Value, json};

use crate::node::Node;
use crate::quorum::{self, Reply, Write, error, no_database};
use crate::store::Name;

/// A request, taken apart.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The segments of the path, decoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: HashMap<String, String>,
    pub(crate) body: Value,
    /// Whether what is set outlives the process (`X-Couch-Persist`).
    pub(crate) persist: bool,
    /// Whether it is the administrator's.
    pub(crate) administrator: bool,
}

/// Answers it.
pub(crate) async fn answer(node: &Arc<Node>, request: &Request) -> Reply {
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match (&request.method, &path[..]) {
        (&Method::GET, []) => welcome(node),
        (&Method::GET, ["_up"]) => up(node),
        // Since 3.0 nothing else is for everybody (manual, "Security": admin_only).
        _ if !request.administrator => error(401, "unauthorized", "You are not a server admin."),
        (&Method::GET, ["_membership"]) => {
            let all = node.connected().into_iter().chain([node.settings.name.clone()]).collect::<Vec<_>>();
            (200, json!({"all_nodes": all, "cluster_nodes": node.cluster()}))
        }
        (&Method::GET, ["_all_dbs"]) => {
            let maps = node.store.maps().into_iter().filter(|(_, map)| map.is_there());
            (200, maps.map(|(database, _)| database).collect())
        }
        (&Method::GET, ["_reshard"]) => (
            200,
            json!({"state": "running", "state_reason": null, "completed": 0, "failed": 0, "running": 0, "stopped": 0, "total": 0}),
        ),
        (&Method::POST, ["_cluster_setup"]) => {
            for database in ["_users", "_replicator", "_global_changes"] {
                quorum::make(node, database, None, None).await;
            }
            (201, json!({"ok": true}))
        }
        (_, ["_node", of, rest @ ..]) if *of == "_local" || **of == node.settings.name => of_node(node, request, rest),
        (_, ["_node", ..]) => error(404, "not_found", "This stand-in speaks for itself alone."),
        (_, [database, rest @ ..]) => of_database(node, request, database, rest).await,
        _ => error(405, "method_not_allowed", "This stand-in does not know that."),
    }
}

/// Its vendor says what it is: nobody takes it for CouchDB.
fn welcome(node: &Node) -> Reply {
    let vendor = json!({"name": "couchdb-stand-in: a stand-in for tests, not Apache CouchDB"});
    (200, json!({"couchdb": "Welcome", "version": node.settings.version, "features": [], "vendor": vendor}))
}

/// Manual, "/_up": 404 in a maintenance mode, and while none of the seeds has been found.
fn up(node: &Node) -> Reply {
    match node.maintenance() {
        Some(mode) if mode == "nolb" => (404, json!({"status": "nolb"})),
        Some(_) => (404, json!({"status": "maintenance_mode"})),
        None if !node.is_seeded() => (404, json!({"status": "seeding", "seeds": {}})),
        None => (200, json!({"status": "ok", "seeds": {}})),
    }
}

fn of_node(node: &Node, request: &Request, path: &[&str]) -> Reply {
    let unknown = || error(404, "not_found", "unknown_config_value");
    match (&request.method, path) {
        (&Method::GET, []) => (200, json!({"name": node.settings.name})),
        (&Method::GET, ["_system"]) => {
            (200, json!({"uptime": 0, "internal_replication_jobs": node.jobs.load(Ordering::SeqCst)}))
        }
        (&Method::GET, ["_dbs"]) => {
            let changes: u64 = node.store.maps().values().map(|map| map.generation).sum();
            (200, json!({"db_name": "_dbs", "update_seq": changes}))
        }
        (&Method::GET, ["_dbs", "_all_docs"]) => {
            let maps = node.store.maps().into_iter().filter(|(_, map)| map.is_there());
            let rows = maps.map(|(name, map)| json!({"id": name, "key": name, "doc": map.shown(&name)}));
            let rows: Vec<Value> = rows.collect();
            (200, json!({"total_rows": rows.len(), "offset": 0, "rows": rows}))
        }
        (&Method::GET, ["_config", section, key]) => {
            node.setting(&format!("{section}/{key}")).map_or_else(unknown, |value| (200, value.into()))
        }
        (&Method::PUT, ["_config", section, key]) => match request.body.as_str() {
            Some(value) => {
                let before = node.set(&format!("{section}/{key}"), Some(value), request.persist);
                (200, before.unwrap_or_default().into())
            }
            None => error(400, "bad_request", "invalid UTF-8 JSON"),
        },
        (&Method::DELETE, ["_config", section, key]) => node
            .set(&format!("{section}/{key}"), None, request.persist)
            .map_or_else(unknown, |value| (200, value.into())),
        _ => error(405, "method_not_allowed", "This stand-in does not know that."),
    }
}

async fn of_database(node: &Arc<Node>, request: &Request, database: &str, path: &[&str]) -> Reply {
    let number = |name: &str| request.query.get(name).and_then(|text| text.parse::<usize>().ok());
    if let (&Method::PUT, []) = (&request.method, path) {
        return quorum::make(node, database, number("q"), number("n")).await;
    }
    if let (&Method::DELETE, []) = (&request.method, path) {
        return quorum::remove(node, database).await;
    }
    let Some(map) = node.store.map(database) else { return no_database() };
    let of = |id: &str| {
        let (range, holders) = map.of(id)?;
        Some(((database.to_owned(), range.clone()), holders.clone()))
    };
    match (&request.method, path) {
        (&Method::GET, []) => {
            let (q, n, w) = (map.by_range.len(), map.n, map.quorum());
            (200, json!({"db_name": database, "cluster": {"q": q, "n": n, "w": w, "r": w}}))
        }
        (&Method::GET, ["_shards"]) => (200, json!({"shards": map.by_range})),
        (&Method::GET, ["_shards", id]) => match of(id) {
            Some(((_, range), nodes)) => (200, json!({"range": range, "nodes": nodes})),
            None => no_database(),
        },
        (&Method::GET, ["_all_docs"]) => quorum::all(node, database, &map).await,
        (method, [id]) => match of(id) {
            Some((name, holders)) => {
                let quorum = |name: &str| number(name).unwrap_or_else(|| map.quorum());
                of_document(node, request, method, &name, &holders, id, [quorum("r"), quorum("w")]).await
            }
            None => no_database(),
        },
        _ => error(405, "method_not_allowed", "This stand-in does not know that."),
    }
}

async fn of_document(
    node: &Arc<Node>,
    request: &Request,
    method: &Method,
    name: &Name,
    holders: &[String],
    id: &str,
    [r, w]: [usize; 2],
) -> Reply {
    let parent = request.body["_rev"].as_str().or_else(|| request.query.get("rev").map(String::as_str));
    let parent = parent.map(ToOwned::to_owned);
    match *method {
        Method::GET => quorum::read(node, name, holders, id, r).await,
        Method::PUT if request.body.is_object() => {
            let write = Write { parent, deleted: false, body: request.body.clone(), w };
            quorum::write(node, name, holders, id, write).await
        }
        Method::DELETE => {
            let write = Write { parent, deleted: true, body: json!({}), w };
            quorum::write(node, name, holders, id, write).await
        }
        Method::PUT => error(400, "bad_request", "Document must be a JSON object"),
        _ => error(405, "method_not_allowed", "This stand-in does not know that."),
    }
}
