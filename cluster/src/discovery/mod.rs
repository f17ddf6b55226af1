//! What runs in the cluster: workloads and their pods, what their containers declare, and what clients connect through.

mod budgets;
pub mod container;
mod container_status;
pub mod credentials;
pub mod endpoint_slices;
mod field_managers;
mod member;
pub mod operators;
pub mod pods;
pub mod poolers;
mod server_container;
pub mod start_scripts;
pub mod stateful_set;
pub mod target;
pub mod workloads;

pub(crate) use member::{member, ordinal};

/// The label by which the StatefulSet controller gives each pod its own name.
pub(crate) const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
