//! The judge's questions, a file each. A check is pure, knows every engine only through the shared words, and
//! answers with every reason it finds: a refusal that names one obstacle at a time makes people go round in circles.

mod engine_idle;
mod everyone_there;
mod members_known;
mod one_at_a_time;
mod primary_stays;
mod quorum_survives;
mod storage_kept;
mod successor_ready;
mod writes_survive;

pub(crate) use engine_idle::engine_idle;
pub(crate) use everyone_there::everyone_there;
pub(crate) use members_known::members_known;
pub(crate) use one_at_a_time::one_at_a_time;
pub(crate) use primary_stays::primary_stays;
pub(crate) use quorum_survives::quorum_survives;
pub(crate) use storage_kept::storage_kept;
pub(crate) use successor_ready::successor_ready;
pub(crate) use writes_survive::writes_survive;

use crate::judge::Case;
use crate::{Disruption, ReplicaGroup};

impl<'a> Case<'a> {
    /// The members the disruption takes away; a handover takes none.
    pub(crate) fn taken(&self) -> &'a [String] {
        match self.disruption {
            Disruption::Take { members } => members,
            Disruption::HandOver { .. } => &[],
        }
    }

    /// Whether a member is or will be gone: taken now, or promised to somebody before.
    pub(crate) fn is_gone(&self, member: &str) -> bool {
        self.taken().iter().chain(self.promised).any(|gone| gone == member)
    }

    /// The groups the disruption touches.
    pub(crate) fn touched_groups(&self) -> Vec<&'a ReplicaGroup> {
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
