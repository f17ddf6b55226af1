//! Every change of an object that is not the guard's own: one file for each, with the precondition that keeps it from
//! hitting a namesake or a newer version of the object.

pub mod cordon;
mod eviction;
pub mod rollout;
mod scaling;
mod service_selector;

pub use eviction::{EvictionOutcome, evict};
pub use scaling::scale;
pub use service_selector::reroute;
