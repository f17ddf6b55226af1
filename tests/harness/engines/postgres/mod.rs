//! PostgreSQL: `examples/postgres`, deployed as a primary and two standbys, also behind two `PgBouncer`s (`pooled.rs`) and under Patroni
//! (`patroni.rs`), and the client that the load writes with (`client.rs`).

mod client;
mod database;
mod patroni;
mod pooled;

pub use database::{Postgres, send_signal};
pub use patroni::Patroni;
pub use pooled::{PooledPostgres, is_paused};

/// The image of a PostgreSQL version.
fn image(version: &str) -> String {
    crate::overlay::image("postgres", version)
}
