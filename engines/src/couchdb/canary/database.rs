//! TOUCH, a database of its own only. The canary's database: made, written, read and removed.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};
use stateful_safety::Millis;

use crate::ServerError;
use crate::canary::{Attempt, is_forgotten, name};
use crate::couchdb::Told;
use crate::couchdb::connections::{Link, Trouble, refusal};

/// What its name begins with; CouchDB's names begin with a letter and have no capitals (manual, "/{db}").
const OURS: &str = "kubectl_stateful_";

/// Every identifier there is.
const ALL: &str = "_all_docs?limit=10000000";

/// One canary's database.
pub(super) struct Database {
    name: String,
}

impl Database {
    pub(super) fn new(now: Millis) -> Self {
        Self { name: format!("{OURS}{}", name(now)) }
    }

    /// What one types to remove it by hand.
    pub(super) fn removal(&self) -> String {
        format!("curl -X DELETE localhost:5984/{}", self.name)
    }

    /// Removes what canaries left behind long ago.
    pub(super) async fn tidy(link: &mut Link, now: Millis) -> Result<(), ServerError> {
        let all = link.read("/_all_dbs").await?;
        let ours = all.as_array().into_iter().flatten().filter_map(Value::as_str);
        for old in ours.filter(|name| name.strip_prefix(OURS).is_some_and(|name| is_forgotten(name, now))) {
            remove(link, old).await?;
        }
        Ok(())
    }

    /// Makes it. Where it is there already an earlier attempt has.
    pub(super) async fn make(&self, link: &mut Link) -> Result<(), ServerError> {
        let path = format!("/{}", self.name);
        let told = link.ask(Method::PUT, &path, &[], None).await.map_err(ServerError::from)?;
        if [201, 202, 412].contains(&told.status) { Ok(()) } else { Err(refusal(&path, &told)) }
    }

    /// Writes one document. The number is its identifier, so that trying twice makes one.
    pub(super) async fn write(&self, link: &mut Link, number: u64) -> Attempt {
        match self.put(link, number, &json!({})).await {
            // An earlier attempt has made it, and how many copies have it is not known: a quorum is asked to take it once more.
            Ok(Told { status: 409, .. }) => match link.read(&self.document(number)).await {
                Ok(found) => meant(&self.put(link, number, &json!({"_rev": found["_rev"]})).await, true),
                Err(_) => Attempt::Unknown,
            },
            told => meant(&told, false),
        }
    }

    async fn put(&self, link: &mut Link, number: u64, document: &Value) -> Result<Told, Trouble> {
        link.ask(Method::PUT, &self.document(number), &[], Some(document)).await
    }

    fn document(&self, number: u64) -> String {
        format!("/{}/{number}", self.name)
    }

    /// The numbers up to `last` that are there; then the database is removed.
    pub(super) async fn read_back(&self, link: &mut Link, last: u64) -> Result<BTreeSet<u64>, ServerError> {
        let rows = link.read(&format!("/{}/{ALL}", self.name)).await?;
        let rows = rows["rows"].as_array().cloned().unwrap_or_default();
        let mut found: BTreeSet<u64> = rows.iter().filter_map(|row| row["id"].as_str()?.parse().ok()).collect();
        // A list is of one copy of each shard; a document is asked of a quorum.
        for number in (1..=last).filter(|number| !found.contains(number)).collect::<Vec<_>>() {
            let told = link.ask(Method::GET, &self.document(number), &[], None).await.map_err(ServerError::from)?;
            match told.status {
                200 => drop(found.insert(number)),
                404 => {}
                _ => return Err(refusal(&self.document(number), &told)),
            }
        }
        remove(link, &self.name).await?;
        Ok(found)
    }
}

async fn remove(link: &mut Link, name: &str) -> Result<(), ServerError> {
    let path = format!("/{name}");
    let told = link.ask(Method::DELETE, &path, &[], None).await.map_err(ServerError::from)?;
    if [200, 202, 404].contains(&told.status) { Ok(()) } else { Err(refusal(&path, &told)) }
}

/// What an answer says of a write (manual, "PUT /{db}/{docid}"): 201 is a quorum, and nothing else is. 202 is fewer, which
/// may be lost with them. An error of the server's may have come after a copy had it; those that speak of the request came
/// before, unless an earlier attempt was heard.
fn meant(told: &Result<Told, Trouble>, heard_before: bool) -> Attempt {
    match told {
        Ok(Told { status: 201, .. }) => Attempt::Acknowledged,
        Ok(Told { status: 400 | 401 | 403 | 404, .. }) | Err(Trouble::NeverSent(_)) if !heard_before => {
            Attempt::Refused
        }
        Ok(_) | Err(_) => Attempt::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, ServerError, Told, Trouble, meant};

    fn meant_by(status: u16, heard_before: bool) -> Attempt {
        meant(&Ok(Told { status, ..Told::default() }), heard_before)
    }

    #[test]
    fn only_a_quorum_acknowledges_and_fewer_copies_are_unknown() {
        assert!(matches!(meant_by(201, false), Attempt::Acknowledged));
        for status in [200, 202, 500, 503] {
            assert!(matches!(meant_by(status, false), Attempt::Unknown), "{status}");
        }
        assert!(matches!(meant_by(404, false), Attempt::Refused));
        assert!(matches!(meant_by(404, true), Attempt::Unknown), "an earlier attempt may have written it");
        assert!(matches!(meant(&Err(Trouble::NeverSent(String::new())), false), Attempt::Refused));
        assert!(matches!(meant(&Err(Trouble::Unknown(ServerError::NoMembers)), false), Attempt::Unknown));
    }
}
