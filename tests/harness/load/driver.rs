//! The load's client, whichever the database: a driver nobody here wrote, set up as its documentation suggests and no
//! better. Here is what writer and ledger need of it; how it is done is in a file for each database.

use std::collections::HashSet;

use anyhow::Result;

use super::{couchdb, mongodb, names, postgres, pymongo, redis};
use crate::{Mongodb, RedisCluster};

/// Where the database is, for a new client.
#[derive(Debug, Clone)]
pub struct Door(Way);

#[derive(Debug, Clone)]
enum Way {
    Redis(redis::Door),
    Postgres(postgres::Door),
    Mongodb(mongodb::Door),
    Pymongo(pymongo::Door),
    Couchdb(couchdb::Door),
}

/// A client: one connection, or however many its driver keeps.
pub(super) enum Link {
    Redis(redis::Link),
    Postgres(postgres::Link),
    Mongodb(mongodb::Link),
    Pymongo(pymongo::Link),
    Couchdb(couchdb::Link),
}

/// What became of one write, as far as its client can know.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The database said yes.
    Acknowledged,
    /// No answer came: it may be there or not.
    Unknown(String),
    /// The database said no, or was never asked.
    Failed(String),
}

impl From<&RedisCluster<'_>> for Door {
    fn from(cluster: &RedisCluster<'_>) -> Self {
        Self(Way::Redis(redis::Door::of(cluster)))
    }
}

impl From<postgres::Door> for Door {
    fn from(door: postgres::Door) -> Self {
        Self(Way::Postgres(door))
    }
}

impl From<&Mongodb<'_>> for Door {
    fn from(database: &Mongodb<'_>) -> Self {
        Self(Way::Mongodb(mongodb::Door::of(database)))
    }
}

impl From<pymongo::Door> for Door {
    fn from(door: pymongo::Door) -> Self {
        Self(Way::Pymongo(door))
    }
}

impl From<couchdb::Door> for Door {
    fn from(door: couchdb::Door) -> Self {
        Self(Way::Couchdb(door))
    }
}

impl Door {
    /// The key of a writer.
    pub(super) fn key(&self, writer: usize) -> String {
        match self.0 {
            Way::Redis(_) => names::key(writer),
            Way::Postgres(_) | Way::Mongodb(_) | Way::Pymongo(_) | Way::Couchdb(_) => format!("writer-{writer}"),
        }
    }

    /// Makes what the writes go into, if anything.
    pub(super) async fn prepare(&self) -> Result<()> {
        match &self.0 {
            Way::Redis(_) => Ok(()),
            Way::Postgres(door) => door.make_table().await,
            Way::Mongodb(door) => door.make_collection().await,
            Way::Pymongo(door) => door.make_collection().await,
            Way::Couchdb(door) => door.make_database().await,
        }
    }

    pub(super) async fn open(&self) -> Result<Link> {
        Ok(match &self.0 {
            Way::Redis(door) => Link::Redis(door.open().await?),
            Way::Postgres(door) => Link::Postgres(door.open().await?),
            Way::Mongodb(door) => Link::Mongodb(door.open().await?),
            Way::Pymongo(door) => Link::Pymongo(door.open().await?),
            Way::Couchdb(door) => Link::Couchdb(door.open().await?),
        })
    }
}

impl Link {
    /// Writes one number under a key, with as many attempts as the driver makes.
    pub(super) async fn write(&mut self, key: &str, number: u64) -> Answer {
        match self {
            Self::Redis(link) => link.write(key, number).await,
            Self::Postgres(link) => link.write(key, number).await,
            Self::Mongodb(link) => link.write(key, number).await,
            Self::Pymongo(link) => link.write(key, number).await,
            Self::Couchdb(link) => link.write(key, number).await,
        }
    }

    /// The numbers that are there under a key.
    pub(super) async fn numbers(&mut self, key: &str) -> Result<HashSet<u64>> {
        match self {
            Self::Redis(link) => link.numbers(key).await,
            Self::Postgres(link) => link.numbers(key).await,
            Self::Mongodb(link) => link.numbers(key).await,
            Self::Pymongo(link) => link.numbers(key).await,
            Self::Couchdb(link) => link.numbers(key).await,
        }
    }
}
