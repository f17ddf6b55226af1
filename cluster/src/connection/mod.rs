//! The connection to the API server: the client, its permissions, port-forwards to pods, and errors.

mod client;
mod error;
pub mod permissions;
pub mod port_forwards;

pub use client::{ClientOptions, Cluster, connect, read_server_version};
pub use error::{Error, Result};
