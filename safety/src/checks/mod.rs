//! The judge's questions, a file each. A check is pure, knows every engine only through the shared words, and
//! answers with every reason it finds: a refusal that names one obstacle at a time makes people go round in circles.

mod engine_idle;
mod members_known;
mod one_at_a_time;
mod primary_stays;
mod quorum_survives;
mod storage_kept;
mod successor_ready;
mod writes_survive;

pub use engine_idle::engine_idle;
pub use members_known::members_known;
pub use one_at_a_time::one_at_a_time;
pub use primary_stays::primary_stays;
pub use quorum_survives::quorum_survives;
pub use storage_kept::storage_kept;
pub use successor_ready::successor_ready;
pub use writes_survive::writes_survive;

use crate::judge::Case;
use crate::{Disruption, ReplicaGroup};

impl<'a> Case<'a> {
    /// The members the disruption takes away; a handover takes none.
    pub fn taken(&self) -> &'a [String] {
        match self.disruption {
            Disruption::Take { members } => members,
            Disruption::HandOver { .. } => &[],
        }
    }

    /// Whether a member is or will be gone: taken now, or promised to somebody before.
    pub fn is_gone(&self, member: &str) -> bool {
        self.taken().iter().chain(self.promised).any(|gone| gone == member)
    }

    /// The groups the disruption touches.
    pub fn touched_groups(&self) -> Vec<&'a ReplicaGroup> {
        let touched: Vec<&str> = match self.disruption {
            Disruption::Take { members } => members.iter().map(String::as_str).collect(),
            Disruption::HandOver { from, to } => vec![from, to],
        };
        self.assessment
            .groups
            .iter()
            .filter(|group| touched.iter().any(|member| group.member(member).is_some()))
            .collect()
    }
}
