//! THINK. What is known of a database, in words that fit every engine, and the one judgement about it.
//!
//! ```text
//!  cluster::discover ─> Workload ─┐
//!                                 ├─> judge(policy, known, disruption, now) ─> Verdict ─> Reason
//!  engines::assess ──> Assessment ┘
//! ```
//!
//! Nothing in this crate does I/O, reads a clock, knows Kubernetes or speaks to a database: whatever can lose data is
//! decided here, from plain values, in a test that takes a millisecond. The plugin asks this judge before each step it
//! takes; the guard asks it about every request of other clients.
//!
//! Three folders: `model/` holds what is known, `reasons/` why something is refused or told, `judge/` the decision.

#[cfg(test)]
mod example;
mod judge;
mod model;
mod reasons;

pub use judge::{Disruption, JudgeInput, Verdict, everyone_in_sync, judge};
pub use model::{
    Advice, Assessment, Blocker, Blocks, BudgetAmount, BudgetTerms, ConnectionConfig, ContainerFacts, Effect,
    EngineName, EngineProfile, EngineProfiles, MaxUnavailable, Member, MemberBudget, MemberState, Millis, Moves,
    OperatorOwner, Passes, Policy, Quorum, ReleaseRules, ReplicaGroup, Role, Rollout, Route, SecretSource,
    StartScripts, StartText, Storage, Sync, SyncReplication, TlsFiles, UnfinishedSwitchover, UnreadScript, Version,
    VolumeClaims, Workload, WorkloadId,
};
pub use reasons::{ConfigViolation, Reason, VersionSkew, Warning};
