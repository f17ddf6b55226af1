//! Laws, on a real cluster: each test is named after what must always hold. They share machine and nodes, so
//! each waits for its turn (`stateful_harness::Cluster::alone` and `beside_others`).
#![expect(clippy::print_stderr, reason = "a law of several parts says which part it is at")]

mod api_server_gone;
mod couchdb;
mod deaths;
mod drains;
mod for_the_duration;
mod guard;
mod laws;
mod mongodb;
mod mongodb_faults;
mod obstacles;
mod patroni;
mod pooler;
mod postgres;
mod postgres_disk;
mod postgres_faults;
mod refusals;
mod replication;
mod rights;
mod upgrades;
