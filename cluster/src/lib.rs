//! Kubernetes: finding workloads, reaching pods, and the few things this tool ever changes there. It has never heard of
//! SQL or of a Redis command.
//!
//! ```text
//!  look   discover, container, credentials, access, backups      read-only
//!         inventory, installed, guarded, observed       the same for the guard, and about it
//!  reach  tunnels                                       connections to pods
//!  touch  evict, rollout, scale, route, cordon, claim, record  writes, each with a precondition
//!         install, approval                             the guard's own objects; a word for one pod
//! ```
//!
//! Every change of a Kubernetes object is made in this crate, through the one client made in [`connect`], so that a
//! flag such as `--as` or `--context` cannot be forgotten anywhere.

mod access;
mod approval;
mod backups;
mod budget;
mod certificate_secret;
mod client;
mod container;
mod container_status;
mod cordon;
mod credentials;
mod default_pdb;
mod discover;
mod drainable;
mod endpoint_slices;
mod error;
mod event_recorder;
mod evict;
mod eviction_records;
mod field_managers;
mod guarded;
mod install;
mod installed;
mod inventory;
mod object;
mod observed;
mod operated;
mod operation_lock;
#[expect(unreachable_pub, reason = "KubeSchema puts a copy of the struct into a function of its own")]
mod policy;
mod policy_status;
mod poolers;
mod port_forwards;
mod record;
mod rollout;
mod route;
mod scale;
mod target;

pub use access::{Permission, missing};
pub use approval::{Approval, approve};
pub use backups::{BackupKind, BackupSign, BackupState, BackupsFound, BackupsLooked, backups};
pub use budget::{Amount, Budget};
pub use certificate_secret::{CertificateSecret, Contents, Mark, publish};
pub use client::{ClientOptions, Cluster, connect, server_version};
pub use container::container_facts;
pub use cordon::{is_cordoned, set_cordon};
pub use credentials::{Keys, resolve, secret_names};
pub use default_pdb::{PART_OF, cover, cover_name, uncover};
pub use discover::{discover, discover_all, discover_on_node, pods_at, runs_database};
pub use drainable::{NodePod, Obstacle, pod_uid, pods_on_node};
pub use endpoint_slices::{leads_to, led_by};
pub use error::{Error, Result};
pub use event_recorder::{EventNote, EventRecorder};
pub use evict::{Eviction, evict};
pub use eviction_records::{EvictionRecord, EvictionRecords, book_name};
pub use guarded::{Approved, Bypass, PolicyFacts, approvals, bypasses, guarded_namespaces, is_guarded, policies};
pub use install::{Applied, apply, find, knows, labelled, remove, set_label};
pub use installed::{Asking, GRANT, GUARD, Grant, Hook, Replica, Replicas, asking, grants, home, replicas};
pub use inventory::{
    Change, Changes, Inventory, Labels, LeaseFacts, Model, NamespaceFacts, Phase, PodFacts, SetFacts, lease,
};
pub use object::{KINDS, Kind, Object};
pub use observed::{Observed, fail_opens, observe};
pub use operated::operator_of;
pub use operation_lock::{LEAVES_NODE, LIFETIME as LOCK_LIFETIME, LockHolder, NEXT_POD, OperationLock, lock_name};
pub use policy::{DisruptionPolicy, DisruptionPolicySpec, DisruptionPolicyStatus, Mode, OnCordon, OnEviction, crd};
pub use policy_status::tell_policy;
pub use poolers::{PoolerPod, poolers};
pub use port_forwards::PortForwards;
pub use record::{Record, RecordId, append, create, list};
pub use rollout::{TemplateChange, change_template, hold, release};
pub use route::reroute;
pub use scale::scale;
pub use target::{Target, pick};

/// Prefix of every label and annotation this tool reads or writes.
pub const PREFIX: &str = "kubectl-stateful.dev/";

/// The name under which the API server records our changes.
pub const FIELD_MANAGER: &str = "kubectl-stateful";
