//! TOUCH. A planned, journaled operation on one workload; for the plugin, and for the guard's switchovers.
//!
//! ```text
//!  World::observe ─> Snapshot ─> make_plan (think) ─> Plan ─> execute ─> Event ─> journal
//!                                                               │
//!                                                               └──> Progress ─> terminal, lines, JSON
//! ```
//!
//! A plan is data: printed, saved, compared, carried out. A pattern is a table of rows (`patterns/`), a step a file and a row
//! (`steps/`). Before each change the judge is asked on a fresh snapshot, the operation lock is confirmed and the journal is
//! written; after it the database is observed until the step is done. `resume` observes again and plans what is left: nothing
//! is repeated because it was planned once, a step is done because a snapshot shows that it is missing.

mod action;
pub mod campaign;
mod execution;
mod goal;
pub mod journal;
mod live;
mod patterns;
mod permissions;
mod plan;
mod planning;
mod preflight;
mod progress;
mod rollback;
pub mod session;
mod snapshot;
pub mod steps;
mod world;

pub use action::Action;
pub use execution::{Outcome, Stop, TimeLimits, execute};
pub use goal::{Goal, Origin, Surge};
pub use live::{Live, Observer, OpenError, watch};
pub use patterns::Pattern;
pub use permissions::{for_backups, for_budgets, for_drain, for_looking, for_moving};
pub use plan::{Plan, PlanOutdated, SeenMember};
pub use planning::{Refusal, best_successor, draft_plan, find_interrupted, make_plan, plan_remaining};
pub use preflight::{Finding, check_canary, findings, recent_backup};
pub use progress::{MemberLine, Progress, What};
pub use rollback::{BlockedRollback, NoBackup, RestorePlan, RestoreStep, restore_plan};
pub use rollback::{changes_image, find_rollback_block, rollback_goal, why_no_rollback};
pub use session::RunningCanary;
pub use snapshot::Snapshot;
/// What is constant about each engine of this build.
pub use stateful_engines::profiles as engine_profiles;
pub use steps::Step;
pub use world::{World, WorldError};
