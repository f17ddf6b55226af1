//! Campaigns: plans over plans. An operation moves one database; a campaign orders operations on several databases, and what
//! is done between them, so that one thing larger than a database can be emptied: a node now, node pools and fleets later.
//!
//! ```text
//!  plan_drain (look, think) ─> Campaign ─> run (touch): Reserve ─> Cordon ─> Move … ─> Evict
//! ```
//!
//! What must hold before each stage is written beside it ([`Stage`]); `run` asks it on the world as it is then.

mod drain;
mod error;
mod eviction;
mod listener;
mod run;

use stateful_cluster::discovery::pods::NodePod;
use stateful_safety::WorkloadId;

pub use drain::plan_drain;
pub use error::CampaignError;
pub use eviction::{AcceptedLosses, evictable};
pub use listener::CampaignListener;
pub use run::{CampaignEnd, run, try_out};

use crate::Plan;
use crate::session::Session;

/// A database that a campaign may move.
pub struct Database<'a> {
    /// Which.
    pub workload: WorkloadId,
    /// How an operation on it lives.
    pub session: Session<'a>,
}

/// An ordered list of what is done to empty something.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    /// The node to empty.
    pub node: String,
    /// What is done, in this order; the first stage that fails ends the campaign.
    pub stages: Vec<Stage>,
}

/// One stage of a campaign.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// Takes the operation lock of every database that will move, and tells the guard why. Before: each database still is as
    /// its plan saw it. After: no other operation begins on any of them, and the guard lets the node be cordoned.
    Reserve,
    /// Cordons the node. Before: every database is reserved. After: no pod comes back to it.
    Cordon,
    /// Moves a database away by an operation with its own journal, planned again, since the stages before took some time.
    /// Before: it is safe to move now. After: none of its members is on the node.
    Move(Box<Plan>),
    /// Evicts the pods of everything else, at once, as `kubectl drain` does. Before: every database has moved. After: they
    /// are gone.
    Evict(Vec<NodePod>),
}

impl Campaign {
    /// Empties a node: databases first, each by its own plan, then every other pod.
    pub fn drain(node: &str, moves: Vec<Plan>, pods: Vec<NodePod>) -> Self {
        let mut stages = vec![Stage::Reserve, Stage::Cordon];
        stages.extend(moves.into_iter().map(|plan| Stage::Move(Box::new(plan))));
        stages.push(Stage::Evict(pods));
        Self { node: node.to_owned(), stages }
    }

    /// The plans of the databases that will move.
    pub fn moves(&self) -> impl Iterator<Item = &Plan> {
        self.stages.iter().filter_map(|stage| match stage {
            Stage::Move(plan) => Some(&**plan),
            Stage::Reserve | Stage::Cordon | Stage::Evict(_) => None,
        })
    }

    /// The pods of no database that will be evicted.
    pub fn evictions(&self) -> impl Iterator<Item = &NodePod> {
        let pods = self.stages.iter().filter_map(|stage| match stage {
            Stage::Evict(pods) => Some(pods),
            Stage::Reserve | Stage::Cordon | Stage::Move(_) => None,
        });
        pods.flatten()
    }
}
