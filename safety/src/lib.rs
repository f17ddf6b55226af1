//! THINK. The words everybody here uses, and the one judgement.
//!
//! ```text
//!  cluster::discover ─> Workload ─┐
//!                                 ├─> judge(policy, known, disruption, now) ─> Verdict ─> Reason
//!  engines::assess ──> Assessment ┘
//! ```
//!
//! Nothing in this crate does I/O, reads a clock, knows Kubernetes or speaks to a database: whatever
//! can lose data is decided here, from plain values, in a test that takes a millisecond. The plugin
//! asks this judge before each thing it does; the guard asks it about everybody else.

mod assessment;
mod blocker;
mod check_input;
mod config_violation;
mod connection_config;
mod disruption;
mod engine_kind;
mod judge;
mod operator;
mod policy;
mod reason;
mod sharded;
mod sync_replication;
mod unsettled;
mod version;
mod version_skew;
mod warning;
mod workload;

mod checks;

pub use assessment::{Assessment, MemberState, Quorum, ReplicaGroup, Role, Sync};
pub use blocker::Blocker;
pub use config_violation::ConfigViolation;
pub use connection_config::{ConnectionConfig, ContainerFacts, SecretSource, TlsFiles};
pub use disruption::Disruption;
pub use engine_kind::EngineKind;
pub use judge::{JudgeInput, Verdict, everyone_in_sync, judge};
pub use operator::OperatorOwner;
pub use policy::Policy;
pub use reason::Reason;
pub use sharded::{Balancer, Part, Sharded, Sharding};
pub use sync_replication::SyncReplication;
pub use unsettled::Unsettled;
pub use version::Version;
pub use version_skew::VersionSkew;
pub use warning::Warning;
pub use workload::{Member, Rollout, Route, Storage, VolumeClaims, Workload, WorkloadId};

/// Milliseconds since the Unix epoch. Time is always an argument here, never read.
pub type Millis = i64;
