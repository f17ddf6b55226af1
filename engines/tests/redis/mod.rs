//! Redis on this machine, in the three ways its members hang together.

mod cluster;
mod nodes;
mod replication;
mod sentinel;

pub(crate) use cluster::Cluster;
pub(crate) use replication::Replication;
pub(crate) use sentinel::Sentinel;
