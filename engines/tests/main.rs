//! The adapters, tried on real servers that run on this machine: `cargo test --workspace --test engines [ENGINE]`.
//!
//! - `laws/` holds what is true of every database: written once, run for each of them.
//! - A folder an engine holds how its servers are started and written to (`servers.rs`) and the laws that only it has.
//! - `common/` is what all of them use: programs, addresses, processes, the load and its ledger.
//!
//! A law whose server is missing fails and says what brings it (`make servers`). CouchDB's server is a stand-in
//! (`tests/couchdb-stand-in`), which is built here.

#![expect(clippy::panic, reason = "a law whose server is missing fails with the sentence that says what brings it")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures and servers' logs are for the person who runs a law"
)]

mod common;
mod couchdb;
mod laws;
mod mongodb;
mod postgres;
mod redis;
