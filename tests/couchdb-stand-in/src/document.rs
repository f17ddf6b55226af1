//! Documents and their revisions.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One revision of a document: the winning one, since branches are not kept here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    /// `N-hash`.
    pub(crate) rev: String,
    /// Whether it says that the document is gone.
    pub(crate) deleted: bool,
    /// Its fields, without those of CouchDB's own.
    pub(crate) body: Value,
}

impl Document {
    /// The revision that follows `parent`. The same document after the same one has the same revision, as in CouchDB.
    pub(crate) fn after(parent: Option<&str>, deleted: bool, mut body: Value) -> Self {
        if let Value::Object(fields) = &mut body {
            fields.retain(|name, _| !name.starts_with('_'));
        }
        let generation = parent.map_or(0, generation) + 1;
        let half = |salt: u8| {
            let mut hasher = DefaultHasher::new();
            (salt, parent, deleted, body.to_string()).hash(&mut hasher);
            hasher.finish()
        };
        Self { rev: format!("{generation}-{:016x}{:016x}", half(0), half(1)), deleted, body }
    }

    /// Whether it wins over another revision of the same document: the longer history, then the higher hash (manual,
    /// "Replication and conflict model").
    pub(crate) fn wins_over(&self, other: &Self) -> bool {
        let own = generation(&self.rev).cmp(&generation(&other.rev));
        own.then_with(|| self.rev.cmp(&other.rev)) == Ordering::Greater
    }

    /// As a client sees it.
    pub(crate) fn shown(&self, id: &str) -> Value {
        let mut shown = self.body.clone();
        if let Value::Object(fields) = &mut shown {
            fields.insert("_id".to_owned(), id.into());
            fields.insert("_rev".to_owned(), self.rev.as_str().into());
        }
        shown
    }
}

/// How many revisions came before it, and itself.
fn generation(rev: &str) -> u64 {
    rev.split('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
