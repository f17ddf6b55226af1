//! TOUCH, a table of its own only. The canary's table: made, read and removed.

use std::collections::BTreeSet;

use stateful_safety::Millis;
use tokio_postgres::Client;

use crate::ServerError;
use crate::canary::{is_forgotten, name};
use crate::postgres::answers::text;
use crate::postgres::connections::{ask, failure};

/// A schema of this tool's own, so that it cannot touch a user's table of the same name.
const SCHEMA: &str = "kubectl_stateful";

/// One canary's table.
pub(super) struct Table {
    name: String,
}

impl Table {
    pub(super) fn new(now: Millis) -> Self {
        Self { name: name(now) }
    }

    /// The command that removes it by hand.
    pub(super) fn removal(&self) -> String {
        format!("DROP TABLE {SCHEMA}.{}", self.name)
    }

    /// Creates it, and removes tables that canaries left behind long ago.
    pub(super) async fn create(&self, client: &Client, now: Millis) -> Result<(), ServerError> {
        let name = &self.name;
        let make = format!(
            "CREATE SCHEMA IF NOT EXISTS {SCHEMA}; CREATE TABLE IF NOT EXISTS {SCHEMA}.{name} (number bigint PRIMARY KEY)"
        );
        client.batch_execute(&make).await.map_err(|error| failure(&error))?;
        let list = format!("SELECT tablename FROM pg_tables WHERE schemaname = '{SCHEMA}'");
        let tables = ask(client, &list).await.map_err(|error| failure(&error))?;
        for old in tables.iter().flatten().filter_map(|row| text(row, "tablename")) {
            if is_forgotten(old, now) {
                client
                    .batch_execute(&format!("DROP TABLE IF EXISTS {SCHEMA}.{old}"))
                    .await
                    .map_err(|error| failure(&error))?;
            }
        }
        Ok(())
    }

    /// Writes one row. The number is the key, so that trying twice writes once.
    pub(super) async fn write(&self, client: &Client, number: u64) -> Result<(), tokio_postgres::Error> {
        let name = &self.name;
        client.batch_execute(&format!("INSERT INTO {SCHEMA}.{name} VALUES ({number}) ON CONFLICT DO NOTHING")).await
    }

    /// The numbers that are there; then the table is removed, and the schema with it if it is empty then.
    pub(super) async fn read_back(&self, client: &Client) -> Result<BTreeSet<u64>, ServerError> {
        let read = format!("SELECT number FROM {SCHEMA}.{}", self.name);
        let rows = ask(client, &read).await.map_err(|error| failure(&error))?;
        let numbers = rows.iter().flatten().filter_map(|row| text(row, "number")?.parse().ok()).collect();
        client.batch_execute(&self.removal()).await.map_err(|error| failure(&error))?;
        // Refused while another canary's table is in it; that canary then removes the schema.
        let _ = client.batch_execute(&format!("DROP SCHEMA {SCHEMA}")).await;
        Ok(numbers)
    }
}
