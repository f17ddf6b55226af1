//! What is known of a database: as Kubernetes has it, as its servers describe it, and what is constant about its engine.

mod assessment;
mod blocker;
mod budget;
mod connection_config;
mod engine_profile;
mod operator;
mod policy;
mod releases;
mod start_scripts;
mod sync_replication;
mod version;
mod workload;

pub use assessment::{Assessment, MemberState, Quorum, ReplicaGroup, Role, Sync};
pub use blocker::{Blocker, Blocks, Effect, Passes, UnfinishedSwitchover};
pub use budget::{BudgetAmount, BudgetTerms, MemberBudget};
pub use connection_config::{ConnectionConfig, ContainerFacts, SecretSource, TlsFiles};
pub use engine_profile::{Advice, EngineName, EngineProfile, EngineProfiles, Moves, ReleaseRules};
pub use operator::OperatorOwner;
pub use policy::Policy;
pub use start_scripts::{StartScripts, StartText, UnreadScript};
pub use sync_replication::SyncReplication;
pub use version::Version;
pub use workload::{MaxUnavailable, Member, Rollout, Route, Storage, VolumeClaims, Workload, WorkloadId};

/// Milliseconds since the Unix epoch. Time is always an argument here, never read.
pub type Millis = i64;
