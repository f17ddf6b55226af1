//! MongoDB switched over on this machine: three real servers on the loopback, and what they say recorded. Where no `mongod` is
//! on the PATH (or named by `MONGOD`) there is nothing to prove, and each test says so.

#![expect(clippy::print_stderr, reason = "figures and a skipped test are told to whoever runs it")]

#[path = "../tls/certificates.rs"]
mod certificates;
mod distance;
mod encryption;
mod obstacles;
mod record;
mod servers;
mod sharding;
mod switchover;
