//! PostgreSQL on this machine: a primary and two standbys, and what can go wrong on the way of a switchover.

mod encryption;
mod faults;
mod full_disk;
mod order_lost;
mod record;
mod servers;
mod silence;
mod slots;
mod switchover;
mod template;
mod temporary_sync;
mod third_member;
mod writer;

pub(crate) use servers::Servers;
