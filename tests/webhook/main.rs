//! The guard's laws, on a real cluster: each test is named after what must always hold. They share machine, nodes and
//! guard, so they run one after another (`--test-threads=1`).
#![expect(clippy::print_stderr, reason = "a law tells how long what it has waited for took")]

mod cordons;
mod deaths;
mod drains;
mod installation;
mod lateness;
mod modes;
mod mongodb;
mod outages;
mod passing;
mod policies;
mod postgres;
mod promises;
mod silence;
mod simultaneous;
mod words;
