//! What the load writes to PostgreSQL: a row a write, to the server that is not in recovery, as a driver with several hosts does.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::servers::connect;
use crate::common::load::{Answer, Client as Load, Key};

/// Those servers, asked one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    addresses: Vec<String>,
}

impl Writer {
    pub(super) fn to(addresses: Vec<String>) -> Self {
        Self { addresses }
    }
}

impl Load for Writer {
    type Connection = Client;

    const IS_LED: bool = true;

    async fn connect(&self, _: usize) -> Option<(usize, Client)> {
        for (number, address) in self.addresses.iter().enumerate() {
            let Ok(client) = connect(address, "client").await else { continue };
            let Ok(row) = client.query_one("SELECT pg_is_in_recovery()", &[]).await else { continue };
            if !row.get::<_, bool>(0) {
                return Some((number, client));
            }
        }
        None
    }

    async fn write(&self, connection: &mut Client, (writer, number): Key) -> Answer {
        match connection.batch_execute(&format!("INSERT INTO kept VALUES ({writer}, {number})")).await {
            Ok(()) => Answer::Acknowledged,
            // Class 57 is an administrator's or a crash's end: the commit may have been written.
            Err(error) if error.code().is_some_and(|code| !code.code().starts_with("57P")) => Answer::Refused,
            Err(_) => Answer::Unknown,
        }
    }

    async fn keys(&self, member: usize) -> BTreeSet<Key> {
        let client = connect(&self.addresses[member], "postgres").await.expect("it answers");
        let rows = client.query("SELECT writer, number FROM kept", &[]).await.expect("the table");
        let key = |row: &tokio_postgres::Row| (number(row.get::<_, i32>(0)), number(row.get::<_, i64>(1)));
        rows.iter().map(key).collect()
    }
}

/// Numbers of the load are never negative.
fn number<From, To: TryFrom<From>>(number: From) -> To
where
    To::Error: std::fmt::Debug,
{
    To::try_from(number).expect("a number of the load's")
}
