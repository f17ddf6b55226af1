//! Redis: a cluster of six nodes (`cluster.rs`), a primary with replicas, alone or watched by Sentinels (`replication.rs`), and the
//! clients that the load writes with (`client.rs`, `replication_client.rs`).

mod client;
mod cluster;
mod hash_slots;
mod node_view;
mod replication;
mod replication_client;
mod resolver;
mod server;

pub use cluster::RedisCluster;
pub use replication::{RedisReplication, RedisSentinel};
pub use server::Server;

/// The port of every server.
const PORT: u16 = 6379;

/// The image of a Redis version.
fn image(version: &str) -> String {
    crate::overlay::image("redis", version)
}
