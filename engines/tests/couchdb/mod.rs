//! CouchDB's adapter on a cluster of three stand-ins on this machine: what it sees, how it prepares a restart, what its canary
//! finds. A stand-in answers here, not CouchDB (`tests/couchdb-stand-in/README.md`).

mod canary;
mod maintenance;
mod nodes;
mod quorum;
mod record;
mod writer;

pub(crate) use nodes::Nodes;
