//! ACT. A planned, journaled operation on one workload; for the plugin, and for the guard's switchovers.
//!
//! ```text
//!  World::look ─> Look ─> draw_up (think) ─> Plan ─> execute ─> Event ─> journal
//!                                                       │
//!                                                       └──> Progress ─> whoever reports
//! ```
//!
//! A plan is data: printed, saved, compared, applied. A pattern is a table of rows (`patterns/`), a step a file with
//! `progress`, `gate` and `act` (`steps/`). Before each act the judge is asked on a fresh look, the claim is confirmed
//! and the journal is written; after it the step is looked at until it has settled. Whoever resumes looks again and
//! draws up what is left: nothing is repeated because it was planned, everything is done because it is not yet so.

mod action;
mod affected_members;
pub mod campaign;
mod canary;
mod canary_check;
mod execute;
mod goal;
mod interrupted_switchover;
pub mod journal;
mod live;
mod origin;
mod outcome;
mod patterns;
mod permissions;
mod plan;
mod planning;
mod preflight;
mod progress;
mod recent_backup;
mod restore;
mod rollback;
pub mod session;
mod snapshot;
pub mod steps;
mod successor;
mod surge;
mod temporary_sync;
mod unstartable_pod;
mod world;

pub use action::Action;
pub use canary::RunningCanary;
pub use canary_check::check_canary;
pub use execute::execute;
pub use goal::{Goal, Surge};
pub use interrupted_switchover::{find_interrupted, plan_remaining};
pub use live::{Live, Observer, OpenError, watch};
pub use origin::Origin;
pub use outcome::{Outcome, Stop, TimeLimits};
pub use patterns::Pattern;
pub use permissions::{for_backups, for_drain, for_looking, for_moving};
pub use plan::{Plan, PlanOutdated, SeenMember};
pub use planning::{Refusal, draft_plan, make_plan};
pub use preflight::{Finding, findings};
pub use progress::{MemberLine, Progress, What};
pub use recent_backup::recent_backup;
pub use restore::{Closed, NoBackup, RestorePlan, RestoreStep, restore_plan};
pub use rollback::{changes_image, closes, no_way_back, way_back};
pub use snapshot::Snapshot;
/// What is constant about each engine of this build.
pub use stateful_engines::profiles as engine_profiles;
pub use steps::Step;
pub use successor::best_successor;
pub use world::{World, WorldError};
