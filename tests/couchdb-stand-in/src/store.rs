//! A node's disk: copies of shards as logs of documents, the shard maps, and the settings that were kept. What is written
//! has been handed to the kernel: it outlives the process, as the tests need it to, and not the machine.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::Document;
use crate::shard_map::ShardMap;

/// Documents of a shard, by identifier.
pub(crate) type Documents = BTreeMap<String, Document>;

/// A shard: the database, and the range.
pub(crate) type Name = (String, String);

/// A node's disk.
pub(crate) struct Store {
    folder: PathBuf,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    maps: BTreeMap<String, ShardMap>,
    shards: HashMap<Name, Copy>,
    settings: BTreeMap<String, String>,
}

/// One copy of a shard.
struct Copy {
    documents: Documents,
    log: File,
}

/// A line of a log.
#[derive(Serialize, Deserialize)]
struct Entry {
    id: String,
    document: Document,
}

impl Store {
    /// What is on the disk.
    pub(crate) fn open(folder: &Path) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let inside = Inside {
            maps: read(&folder.join("_dbs.json")),
            settings: read(&folder.join("local.json")),
            ..Inside::default()
        };
        Ok(Self { folder: folder.to_owned(), inside: Mutex::new(inside) })
    }

    /// Every shard map there ever was.
    pub(crate) fn maps(&self) -> BTreeMap<String, ShardMap> {
        self.inside().maps.clone()
    }

    /// The shard map of a database that is there.
    pub(crate) fn map(&self, database: &str) -> Option<ShardMap> {
        self.inside().maps.get(database).filter(|map| map.is_there()).cloned()
    }

    /// Keeps those maps that are newer than what is there.
    pub(crate) fn take_maps(&self, maps: BTreeMap<String, ShardMap>) {
        let mut inside = self.inside();
        for (database, map) in maps {
            if inside.maps.get(&database).is_some_and(|known| known.generation >= map.generation) {
                continue;
            }
            if !map.is_there() {
                inside.shards.retain(|(of, _), _| *of != database);
                let _ = fs::remove_dir_all(self.folder.join("shards").join(&database)); // there was none
            }
            inside.maps.insert(database, map);
        }
        keep(&self.folder.join("_dbs.json"), &inside.maps);
    }

    /// Settings that were kept.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        self.inside().settings.clone()
    }

    /// Keeps a setting, or its absence.
    pub(crate) fn set(&self, name: &str, value: Option<&str>) {
        let mut inside = self.inside();
        match value {
            Some(value) => drop(inside.settings.insert(name.to_owned(), value.to_owned())),
            None => drop(inside.settings.remove(name)),
        }
        keep(&self.folder.join("local.json"), &inside.settings);
    }

    /// Writes a revision after `parent`; `false` where another one is there.
    pub(crate) fn put(&self, name: &Name, id: &str, parent: Option<&str>, document: Document) -> Result<bool, String> {
        self.with(name, |copy| {
            let known = copy.documents.get(id).map(|known| known.rev.as_str());
            if known == Some(document.rev.as_str()) {
                return Ok(true);
            }
            if known != parent {
                return Ok(false);
            }
            copy.write(id, document).map(|()| true)
        })
    }

    /// Takes revisions from another copy, where they win over what is here.
    pub(crate) fn take(&self, name: &Name, documents: Documents) -> Result<(), String> {
        self.with(name, |copy| {
            for (id, document) in documents {
                if copy.documents.get(&id).is_none_or(|known| document.wins_over(known)) {
                    copy.write(&id, document)?;
                }
            }
            Ok(())
        })
    }

    /// A document of this copy.
    pub(crate) fn get(&self, name: &Name, id: &str) -> Result<Option<Document>, String> {
        self.with(name, |copy| Ok(copy.documents.get(id).cloned()))
    }

    /// All documents of this copy.
    pub(crate) fn all(&self, name: &Name) -> Result<Documents, String> {
        self.with(name, |copy| Ok(copy.documents.clone()))
    }

    fn with<T>(&self, name: &Name, work: impl FnOnce(&mut Copy) -> Result<T, String>) -> Result<T, String> {
        let mut inside = self.inside();
        if !inside.shards.contains_key(name) {
            let copy = Copy::open(&self.folder.join("shards").join(&name.0).join(&name.1))?;
            inside.shards.insert(name.clone(), copy);
        }
        match inside.shards.get_mut(name) {
            Some(copy) => work(copy),
            None => Err("the copy is gone".to_owned()),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copy {
    fn open(path: &Path) -> Result<Self, String> {
        let words = |error: std::io::Error| format!("{}: {error}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(words)?;
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        // A line that broke off in the middle was never acknowledged.
        let entries = text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
        let documents = entries.map(|entry| (entry.id, entry.document)).collect();
        let mut log = OpenOptions::new().create(true).append(true).open(path).map_err(words)?;
        if !text.is_empty() && !text.ends_with('\n') {
            log.write_all(b"\n").map_err(words)?;
        }
        Ok(Self { documents, log })
    }

    fn write(&mut self, id: &str, document: Document) -> Result<(), String> {
        let entry = Entry { id: id.to_owned(), document };
        let line = serde_json::to_string(&entry).map_err(|error| error.to_string())?;
        self.log.write_all(format!("{line}\n").as_bytes()).map_err(|error| error.to_string())?;
        self.documents.insert(entry.id, entry.document);
        Ok(())
    }
}

fn read<T: for<'de> Deserialize<'de> + Default>(path: &Path) -> T {
    fs::read_to_string(path).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Beside it first, so that whoever dies in between leaves the old one.
fn keep(path: &Path, value: &impl Serialize) {
    let text = serde_json::to_value(value).unwrap_or(Value::Null).to_string();
    let beside = path.with_extension("new");
    if fs::write(&beside, text).is_ok() {
        let _ = fs::rename(&beside, path); // the next change tries again
    }
}
