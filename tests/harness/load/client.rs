//! What the load needs of a database's client. Each engine implements it in `engines/<engine>/client.rs` with a published driver,
//! configured as the driver's documentation recommends and no better.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;

use anyhow::Result;
use futures::future::BoxFuture;

/// How clients of the load reach one database. A new load writes into a place of its own.
pub trait Driver: Debug + Send + Sync {
    /// The key of a writer, counted from 0.
    fn key(&self, writer: usize) -> String {
        format!("writer-{writer}")
    }

    /// Creates what the writes go into (a table, a collection), where the engine needs that.
    fn prepare(&self) -> BoxFuture<'_, Result<()>>;

    /// Connects a new client, and returns once the database has answered it.
    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Client>>>;
}

/// One client of the database: one connection, or as many as its driver keeps.
pub trait Client: Send {
    /// Writes one number under a key, with as many attempts as the driver makes.
    fn write<'a>(&'a mut self, key: &'a str, number: u64) -> BoxFuture<'a, WriteOutcome>;

    /// The numbers that the database holds under a key.
    fn read_back<'a>(&'a mut self, key: &'a str) -> BoxFuture<'a, Result<HashSet<u64>>>;
}

/// What became of one write, as far as its client can know.
#[derive(Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The database confirmed it.
    Acknowledged,
    /// No answer came: the write may be there or not. With the driver's error.
    Unknown(String),
    /// The database refused it, or it was never sent. With the driver's error.
    Failed(String),
}

/// A database as the load reaches it.
#[derive(Debug, Clone)]
pub struct Endpoint(Arc<dyn Driver>);

impl Endpoint {
    /// Of a driver that knows where the database is.
    pub fn new(driver: impl Driver + 'static) -> Self {
        Self(Arc::new(driver))
    }

    pub(super) fn driver(&self) -> &dyn Driver {
        &*self.0
    }
}
