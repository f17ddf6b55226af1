//! The adapter of CouchDB (`engines/src/couchdb`) on a cluster of three stand-ins on this machine: what is seen, what a
//! restart is prepared with, and what a canary finds. A stand-in is what is asked here, not CouchDB.

mod canary;
mod maintenance;
mod nodes;
mod quorum;
mod record;
