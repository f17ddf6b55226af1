//! PostgreSQL switched over on this machine: three real servers on the loopback, writers that keep a ledger, and whatever can
//! go wrong on the way. Without server binaries there is nothing to prove, and each test says so.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "figures and a skipped test are told to whoever runs it"
)]

#[path = "../tls/certificates.rs"]
mod certificates;
mod clients;
mod encryption;
mod faults;
mod for_the_duration;
mod full_disk;
mod programs;
mod record;
mod servers;
mod silence;
mod stopped;
mod switchover;
