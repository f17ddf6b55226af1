//! ACT. A planned, journaled operation on one workload; for the plugin, and for the guard's handovers.
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

mod draw_up;
mod execute;
mod goal;
pub mod journal;
mod live;
mod look;
mod moves;
mod outcome;
mod patterns;
mod permissions;
mod plan;
mod preflight;
mod progress;
mod recent_backup;
mod restore;
mod steps;
mod stuck;
mod successor;
mod surge;
mod synchrony;
mod unfinished;
mod way_back;
mod world;
mod written_and_read;

pub use draw_up::{draft, draw_up};
pub use execute::execute;
pub use goal::{Goal, Surge};
pub use live::{Live, OpenError, Sight, watch};
pub use look::Look;
pub use outcome::{Limits, Outcome, Stop};
pub use patterns::Pattern;
pub use permissions::{for_backups, for_drain, for_looking, for_moving};
pub use plan::{Moved, Origin, Plan, Refusal, SeenMember};
pub use preflight::{CHECKS, Finding, findings};
pub use progress::{MemberLine, Progress, What};
pub use recent_backup::recent_backup;
pub use restore::{Closed, NoBackup, RestorePlan, RestoreStep, restore_plan};
pub use steps::{Act, Step};
pub use successor::best_successor;
pub use unfinished::{draw_up_left, unfinished};
pub use way_back::{changes_image, closes, no_way_back, way_back};
pub use world::{World, WorldError};
pub use written_and_read::written_and_read;
