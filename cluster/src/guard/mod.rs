//! What only the guard needs: its own objects, policies, records, Events and metrics.

pub mod approval;
pub mod certificate_secret;
pub mod default_pdb;
pub mod event_recorder;
pub mod eviction_records;
pub mod guarded;
pub mod install;
pub mod installed;
pub mod lookup;
pub mod metrics;
pub mod names;
pub mod object;
#[expect(unreachable_pub, reason = "KubeSchema puts a copy of the struct into a function of its own")]
pub mod policy;
pub mod policy_status;
