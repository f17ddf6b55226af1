//! Redis: a cluster of six nodes (`cluster.rs`), and the client that the load writes to it with.

mod client;
mod cluster;
mod hash_slots;
mod node_view;
mod resolver;
mod server;

pub use cluster::RedisCluster;
pub use server::Server;
