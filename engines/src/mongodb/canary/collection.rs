//! TOUCH, a collection of its own only. The canary's collection: written, read and removed.

use std::collections::BTreeSet;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use stateful_safety::Millis;

use crate::ServerError;
use crate::canary::{is_forgotten, name};
use crate::mongodb::Answers;
use crate::mongodb::answers::{documents, number};
use crate::mongodb::connections::{ask, failure};

/// A database of this tool's own, so that it cannot touch a user's collection of the same name.
const DATABASE: &str = "kubectl_stateful";

/// Where a sharded cluster's config servers allow a collection: they allow no database but their own ("Can't create user databases
/// on a --configsvr instance").
const OF_CONFIG_SERVERS: &str = "admin";

/// Longer than any healthy majority takes to acknowledge, in milliseconds; after that the write is unknown, not refused.
const MAJORITY_WITHIN: i32 = 1_500;

/// One canary's collection.
pub(super) struct Collection {
    name: String,
    database: &'static str,
}

impl Collection {
    pub(super) fn new(now: Millis) -> Self {
        Self { name: name(now), database: DATABASE }
    }

    /// Chooses a database that this set allows.
    pub(super) async fn choose_database(&mut self, client: &Client) -> Result<(), ServerError> {
        let hello = ask(client, doc! { "hello": 1 }).await.map_err(|error| failure(&error))?;
        let answers = Answers { hello, ..Answers::default() };
        self.database = if answers.is_config_server() { OF_CONFIG_SERVERS } else { DATABASE };
        Ok(())
    }

    /// The command that removes it by hand.
    pub(super) fn removal(&self) -> String {
        format!("db.getSiblingDB('{}').{}.drop()", self.database, self.name)
    }

    /// Removes what canaries left behind long ago.
    pub(super) async fn tidy(&self, client: &Client, now: Millis) -> Result<(), ServerError> {
        let names = client.database(self.database).list_collection_names().await.map_err(|error| failure(&error))?;
        for old in names {
            if is_forgotten(&old, now) {
                let old = client.database(self.database).collection::<Document>(&old);
                old.drop().await.map_err(|error| failure(&error))?;
            }
        }
        Ok(())
    }

    /// Writes one document, and returns when a majority has it. The number is the key, so that trying twice writes once.
    pub(super) async fn write(&self, client: &Client, number: i64) -> Result<Document, Error> {
        let write = doc! {
            "update": &self.name,
            "updates": [{ "q": { "_id": number }, "u": { "_id": number }, "upsert": true }],
            "writeConcern": { "w": "majority", "wtimeout": MAJORITY_WITHIN },
        };
        client.database(self.database).run_command(write).await
    }

    /// The numbers that are there; then the collection is removed, and an empty database goes with its last one.
    pub(super) async fn read_back(&self, client: &Client) -> Result<BTreeSet<u64>, ServerError> {
        let database = client.database(self.database);
        let mut numbers = BTreeSet::new();
        let mut next = doc! { "find": &self.name, "batchSize": 10_000, "readConcern": { "level": "majority" } };
        loop {
            let answer = database.run_command(next).await.map_err(|error| failure(&error))?;
            let cursor =
                answer.get_document("cursor").map_err(|_| ServerError::Unreadable("its answer has no cursor"))?;
            let batch = documents(cursor, "firstBatch").chain(documents(cursor, "nextBatch"));
            numbers.extend(batch.filter_map(|found| u64::try_from(number(found, "_id")?).ok()));
            match cursor.get_i64("id") {
                Ok(more) if more != 0 => {
                    next = doc! { "getMore": more, "collection": &self.name, "batchSize": 10_000 };
                }
                _ => break,
            }
        }
        let collection = database.collection::<Document>(&self.name);
        collection.drop().await.map_err(|error| failure(&error))?;
        Ok(numbers)
    }
}
