//! A node: its disk, its settings, whom it is connected to, and what it has still to bring to others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::document::Document;
use crate::peers::Peers;
use crate::settings::Settings;
use crate::store::{Documents, Name, Store};

/// A node.
pub(crate) struct Node {
    pub(crate) settings: Settings,
    pub(crate) store: Store,
    peers: Peers,
    /// The settings as they are now, those that are kept and those that are not.
    config: Mutex<BTreeMap<String, String>>,
    connected: Mutex<BTreeSet<String>>,
    /// Whether it has found a seed since it started.
    seeded: AtomicBool,
    /// Jobs of internal replication that are not done.
    pub(crate) jobs: AtomicUsize,
}

impl Node {
    /// A node as it starts.
    pub(crate) fn start(settings: Settings) -> Result<Arc<Self>, String> {
        let store = Store::open(&settings.data)?;
        let config = Mutex::new(store.settings());
        let (peers, connected, jobs) = (Peers::default(), Mutex::default(), AtomicUsize::new(0));
        let seeded = AtomicBool::new(settings.seeds.iter().all(|seed| *seed == settings.name));
        Ok(Arc::new(Self { settings, store, peers, config, connected, seeded, jobs }))
    }

    /// The nodes of its cluster.
    pub(crate) fn cluster(&self) -> BTreeSet<String> {
        self.settings.seeds.iter().cloned().chain([self.settings.name.clone()]).collect()
    }

    /// The nodes of its cluster that it is connected to.
    pub(crate) fn connected(&self) -> BTreeSet<String> {
        lock(&self.connected).clone()
    }

    /// Connects to a node: from here on there is so much to bring to it. `false` where it was connected before.
    pub(crate) fn connect(&self, node: &str, jobs: usize) -> bool {
        let mut connected = lock(&self.connected);
        let new = !connected.contains(node);
        if new {
            self.jobs.fetch_add(jobs, Ordering::SeqCst);
            connected.insert(node.to_owned());
            self.seeded.store(true, Ordering::SeqCst);
        }
        new
    }

    /// Whether it has found a seed since it started, or has none to find. One that loses all others later stays up.
    pub(crate) fn is_seeded(&self) -> bool {
        self.seeded.load(Ordering::SeqCst)
    }

    /// A setting, `section/key`.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        lock(&self.config).get(name).cloned()
    }

    /// Sets it, or takes it away; returns what was there before. Kept on the disk unless asked not to.
    pub(crate) fn set(&self, name: &str, value: Option<&str>, persist: bool) -> Option<String> {
        let mut config = lock(&self.config);
        if persist {
            self.store.set(name, value);
        }
        match value {
            Some(value) => config.insert(name.to_owned(), value.to_owned()),
            None => config.remove(name),
        }
    }

    /// The maintenance mode, where it is in one.
    pub(crate) fn maintenance(&self) -> Option<String> {
        self.setting("couchdb/maintenance_mode").filter(|mode| mode == "true" || mode == "nolb")
    }

    /// Asks a node of the cluster, itself among them. One that does not answer is connected no more.
    pub(crate) async fn ask(&self, node: &str, what: &str, body: &Value) -> Result<Value, String> {
        if node == self.settings.name {
            return self.answer(what, body);
        }
        let asked = self.peers.ask(&self.settings.address(node), &self.settings.cookie, what, body).await;
        if asked.is_err() {
            lock(&self.connected).remove(node);
        }
        asked
    }

    /// What it answers to other nodes. In maintenance mode `true` it takes no part in clustered requests; internal replication
    /// goes on (manual, "Shard Management").
    pub(crate) fn answer(&self, what: &str, body: &Value) -> Result<Value, String> {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let name: Name = (text("database"), text("range"));
        let clustered = ["put", "get", "all"].contains(&what);
        if clustered && self.setting("couchdb/maintenance_mode").as_deref() == Some("true") {
            return Ok(json!({"error": "maintenance_mode"}));
        }
        let parsed = |error: serde_json::Error| error.to_string();
        Ok(match what {
            "hello" => json!({"name": self.settings.name}),
            "put" => {
                let document: Document = serde_json::from_value(body["document"].clone()).map_err(parsed)?;
                let parent = body["parent"].as_str();
                json!({"stored": self.store.put(&name, &text("id"), parent, document)?})
            }
            "get" => json!({"document": self.store.get(&name, &text("id"))?}),
            "all" => json!({"documents": self.store.all(&name)?}),
            "revs" => {
                let documents = self.store.all(&name)?;
                json!(documents.into_iter().map(|(id, document)| (id, document.rev)).collect::<BTreeMap<_, _>>())
            }
            "take" => {
                let documents: Documents = serde_json::from_value(body["documents"].clone()).map_err(parsed)?;
                self.store.take(&name, documents)?;
                json!({"ok": true})
            }
            "maps" => {
                self.store.take_maps(serde_json::from_value(body.clone()).map_err(parsed)?);
                json!({"ok": true})
            }
            other => return Err(format!("nobody knows {other}")),
        })
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
