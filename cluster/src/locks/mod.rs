//! The operation lock: one Lease for each workload, so that it has one operation at a time.

#[cfg(test)]
mod explored;
mod lease;
mod lease_facts;
mod operation_lock;
mod trust;

pub(crate) use lease::workload_of;
pub use lease::{LIFETIME, LockHolder, lock_name};
pub use lease_facts::LeaseFacts;
pub use operation_lock::{LEAVES_NODE, NEXT_POD, OperationLock};
