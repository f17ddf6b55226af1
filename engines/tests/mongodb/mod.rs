//! MongoDB on this machine: a replica set of three, the parts of a sharded cluster, and what stands in the way of a switchover.

mod distance;
mod encryption;
mod obstacles;
mod record;
mod servers;
mod sharding;
mod switchover;
mod writer;

pub(crate) use servers::Servers;
