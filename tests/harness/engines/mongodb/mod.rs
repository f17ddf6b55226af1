//! MongoDB: `examples/mongodb`, deployed as a replica set of three members or of another shape (`database.rs`), and the two clients that
//! the load writes with (`client.rs`, `pymongo.rs`).

mod client;
mod database;
mod member_state;
mod pymongo;
mod python;
mod replica_set;
mod tls;

pub use database::{Mongodb, SHORT_SHUTDOWN};

/// The port of every member.
const PORT: u16 = 27017;
