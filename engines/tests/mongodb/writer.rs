//! What the load writes to MongoDB: a document a write, acknowledged by a majority, to the server that says that it leads. The
//! driver repeats nothing by itself here: what became of a write is the ledger's business.

use std::collections::BTreeSet;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::error::ErrorKind;

use crate::common::load::{Answer, Client as Load, Key};

/// Codes with which a server says that it does not lead and has done nothing: `NotWritablePrimary`, `NotPrimaryNoSecondaryOk`.
const DOES_NOT_LEAD: [i32; 2] = [10_107, 13_435];

/// Clients of one server each.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    servers: Vec<Client>,
}

impl Writer {
    pub(super) fn to(servers: Vec<Client>) -> Self {
        Self { servers }
    }
}

impl Load for Writer {
    type Connection = Client;

    const IS_LED: bool = true;

    /// The driver, not optimised, needs a core for a thousand writes a second, and the smallest oplog there is holds few.
    const RESTS: Duration = Duration::from_millis(10);

    async fn connect(&self, _: usize) -> Option<(usize, Client)> {
        for (number, server) in self.servers.iter().enumerate() {
            let hello = server.database("admin").run_command(doc! { "hello": 1 }).await;
            if hello.is_ok_and(|hello| hello.get_bool("isWritablePrimary").unwrap_or(false)) {
                return Some((number, server.clone()));
            }
        }
        None
    }

    async fn write(&self, connection: &mut Client, (writer, number): Key) -> Answer {
        let write = doc! {
            "insert": "load",
            "documents": [{ "_id": format!("{writer}/{number}") }],
            "writeConcern": { "w": "majority" },
        };
        match connection.database("app").run_command(write).await {
            // A write or its majority may have failed though the command has not.
            Ok(answer) if answer.contains_key("writeErrors") || answer.contains_key("writeConcernError") => {
                Answer::Unknown
            }
            Ok(_) => Answer::Acknowledged,
            Err(error) => match &*error.kind {
                ErrorKind::Command(refused) if DOES_NOT_LEAD.contains(&refused.code) => Answer::Refused,
                _ => Answer::Unknown,
            },
        }
    }

    async fn keys(&self, member: usize) -> BTreeSet<Key> {
        let documents = self.servers[member].database("app").collection::<Document>("load");
        let mut found = documents.find(doc! {}).await.expect("an answer");
        let mut keys = BTreeSet::new();
        while found.advance().await.expect("the next document") {
            let (writer, number) =
                found.current().get_str("_id").ok().and_then(|id| id.split_once('/')).expect("a key");
            keys.insert((writer.parse().expect("a writer"), number.parse().expect("a number")));
        }
        keys
    }
}
