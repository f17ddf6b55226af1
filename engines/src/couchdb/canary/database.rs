//! TOUCH, a database of its own only. The canary's database: made, written, read and removed.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};
use stateful_safety::Millis;

use crate::ServerError;
use crate::canary::{Attempt, is_forgotten, name};
use crate::couchdb::HttpAnswer;
use crate::couchdb::connections::{Connection, RequestError, refusal};

/// What its name begins with; CouchDB's names begin with a letter and have no capitals (manual, "/{db}").
const OURS: &str = "kubectl_stateful_";

/// Lists every document's identifier.
const ALL: &str = "_all_docs?limit=10000000";

/// One canary's database.
pub(super) struct Database {
    name: String,
}

impl Database {
    pub(super) fn new(now: Millis) -> Self {
        Self { name: format!("{OURS}{}", name(now)) }
    }

    /// The command that removes it by hand.
    pub(super) fn removal(&self) -> String {
        format!("curl -X DELETE localhost:5984/{}", self.name)
    }

    /// Removes what canaries left behind long ago.
    pub(super) async fn tidy(connection: &mut Connection, now: Millis) -> Result<(), ServerError> {
        let all = connection.read("/_all_dbs").await?;
        let ours = all.as_array().into_iter().flatten().filter_map(Value::as_str);
        for old in ours.filter(|name| name.strip_prefix(OURS).is_some_and(|name| is_forgotten(name, now))) {
            remove(connection, old).await?;
        }
        Ok(())
    }

    /// Creates it. Where it exists already, an earlier attempt has created it.
    pub(super) async fn create(&self, connection: &mut Connection) -> Result<(), ServerError> {
        let path = format!("/{}", self.name);
        let answer = connection.ask(Method::PUT, &path, &[], None).await.map_err(ServerError::from)?;
        if [201, 202, 412].contains(&answer.status) { Ok(()) } else { Err(refusal(&path, &answer)) }
    }

    /// Writes one document. The number is its identifier, so that trying twice makes one.
    pub(super) async fn write(&self, connection: &mut Connection, number: u64) -> Attempt {
        match self.put(connection, number, &json!({})).await {
            // An earlier attempt has written it, and how many copies have it is not known: it is written to a quorum once more.
            Ok(HttpAnswer { status: 409, .. }) => match connection.read(&self.document(number)).await {
                Ok(found) => classify_write(&self.put(connection, number, &json!({"_rev": found["_rev"]})).await, true),
                Err(_) => Attempt::Unknown,
            },
            answer => classify_write(&answer, false),
        }
    }

    async fn put(
        &self,
        connection: &mut Connection,
        number: u64,
        document: &Value,
    ) -> Result<HttpAnswer, RequestError> {
        connection.ask(Method::PUT, &self.document(number), &[], Some(document)).await
    }

    fn document(&self, number: u64) -> String {
        format!("/{}/{number}", self.name)
    }

    /// The numbers up to `last` that are there; then the database is removed.
    pub(super) async fn read_back(&self, connection: &mut Connection, last: u64) -> Result<BTreeSet<u64>, ServerError> {
        let rows = connection.read(&format!("/{}/{ALL}", self.name)).await?;
        let rows = rows["rows"].as_array().cloned().unwrap_or_default();
        let mut found: BTreeSet<u64> = rows.iter().filter_map(|row| row["id"].as_str()?.parse().ok()).collect();
        // The list is read from one copy of each shard; a single document is read from a quorum.
        for number in (1..=last).filter(|number| !found.contains(number)).collect::<Vec<_>>() {
            let answer =
                connection.ask(Method::GET, &self.document(number), &[], None).await.map_err(ServerError::from)?;
            match answer.status {
                200 => drop(found.insert(number)),
                404 => {}
                _ => return Err(refusal(&self.document(number), &answer)),
            }
        }
        remove(connection, &self.name).await?;
        Ok(found)
    }
}

async fn remove(connection: &mut Connection, name: &str) -> Result<(), ServerError> {
    let path = format!("/{name}");
    let answer = connection.ask(Method::DELETE, &path, &[], None).await.map_err(ServerError::from)?;
    if [200, 202, 404].contains(&answer.status) { Ok(()) } else { Err(refusal(&path, &answer)) }
}

/// What an answer says about a write (manual, "PUT /{db}/{docid}"): only 201 means that a quorum has it. 202 means that fewer
/// copies have it, and it may be lost with them. A server error may have come after a copy had it. An error about the request
/// itself came before, unless an earlier attempt was sent (`sent_before`).
fn classify_write(answer: &Result<HttpAnswer, RequestError>, sent_before: bool) -> Attempt {
    match answer {
        Ok(HttpAnswer { status: 201, .. }) => Attempt::Acknowledged,
        Ok(HttpAnswer { status: 400 | 401 | 403 | 404, .. }) | Err(RequestError::NeverSent(_)) if !sent_before => {
            Attempt::Refused
        }
        Ok(_) | Err(_) => Attempt::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::{Attempt, HttpAnswer, RequestError, ServerError, classify_write};

    fn classified(status: u16, sent_before: bool) -> Attempt {
        classify_write(&Ok(HttpAnswer { status, ..HttpAnswer::default() }), sent_before)
    }

    #[test]
    fn only_a_quorum_acknowledges_and_fewer_copies_are_unknown() {
        assert!(matches!(classified(201, false), Attempt::Acknowledged));
        for status in [200, 202, 500, 503] {
            assert!(matches!(classified(status, false), Attempt::Unknown), "{status}");
        }
        assert!(matches!(classified(404, false), Attempt::Refused));
        assert!(matches!(classified(404, true), Attempt::Unknown), "an earlier attempt may have written it");
        assert!(matches!(classify_write(&Err(RequestError::NeverSent(String::new())), false), Attempt::Refused));
        assert!(matches!(classify_write(&Err(RequestError::Unknown(ServerError::NoMembers)), false), Attempt::Unknown));
    }
}
