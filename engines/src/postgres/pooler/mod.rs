//! `PgBouncer` in front of a PostgreSQL, asked over its admin console, which looks like a database named `pgbouncer`
//! and knows no extended protocol (its manual, "Admin console").

mod connection_config;
mod console;
mod pools;

pub(super) use connection_config::connection_config;
pub(super) use console::{CONSOLE, query_console, quoted};
pub(super) use pools::{Connection, SHORT_RETRIES, connections, is_served, pools};
