//! Laws on a real cluster: each is named after what must always hold. `cargo test --workspace --test laws NAME` proves those whose
//! names contain NAME; `tests/harness/laws/` runs them.
//!
//! A group's laws run one after another and share a database where they can, so a group begins with laws that leave the version as it
//! is. Groups run beside each other, and begin in the order of these tables: those that need most for themselves first.

mod chaos;
mod couchdb;
mod drains;
mod every_engine;
mod guard;
mod harness;
mod load;
mod mongodb;
mod plugin;
mod postgres;
mod redis;

use std::process::ExitCode;

use stateful_harness::Group;

/// An engine a row: the laws of every engine, and its own.
const ENGINES: &[fn() -> Vec<Group>] = &[postgres::groups, mongodb::groups, redis::groups, couchdb::groups];

/// Laws that are about no engine, or about several at once.
const OTHERS: &[fn() -> Vec<Group>] =
    &[drains::groups, guard::groups, plugin::groups, load::groups, harness::groups, chaos::groups];

fn main() -> ExitCode {
    stateful_harness::run(OTHERS.iter().chain(ENGINES).flat_map(|groups| groups()).collect())
}
