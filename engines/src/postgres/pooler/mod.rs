//! `PgBouncer` in front of a PostgreSQL: found out over its admin console, which looks like a database named `pgbouncer`
//! and knows no extended protocol (its manual, "Admin console").

mod connection_config;
mod console;
mod standing;

pub(super) use connection_config::connection_config;
pub(super) use console::{CONSOLE, named, say};
pub(super) use standing::{Connection, HURRIED, connections, is_served, pools};
