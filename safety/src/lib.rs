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
mod case;
mod disruption;
mod engine_kind;
mod entrance;
mod flaw;
mod judge;
mod misfit;
mod operator;
mod policy;
mod reason;
mod sharded;
mod synchrony;
mod unsettled;
mod version;
mod warning;
mod workload;

mod checks;

pub use assessment::{Assessment, Electorate, MemberState, ReplicaGroup, Role, Sync};
pub use blocker::Blocker;
pub use disruption::Disruption;
pub use engine_kind::EngineKind;
pub use entrance::{ContainerFacts, Entrance, Source, TlsFiles};
pub use flaw::Flaw;
pub use judge::{Known, Verdict, everyone_in_sync, judge};
pub use misfit::Misfit;
pub use operator::Operated;
pub use policy::Policy;
pub use reason::Reason;
pub use sharded::{Balancer, Part, Sharded, Sharding};
pub use synchrony::Synchrony;
pub use unsettled::Unsettled;
pub use version::Version;
pub use warning::Warning;
pub use workload::{Claims, Member, Rollout, Route, Storage, Workload, WorkloadId};

/// Milliseconds since the Unix epoch. Time is always an argument here, never read.
pub type Millis = i64;
