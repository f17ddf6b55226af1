//! The connection to the API server: the one client, what it may do, port-forwards to pods, and what can go wrong.

mod client;
mod error;
pub mod permissions;
pub mod port_forwards;

pub use client::{ClientOptions, Cluster, connect, read_server_version};
pub use error::{Error, Result};
