//! The judge's questions, a file each. A check is pure, knows every engine only through the shared words, and
//! answers with every reason it finds: a refusal that names one obstacle at a time makes people go round in circles.

mod engine_idle;
mod everyone_there;
mod members_known;
mod no_primary;
mod one_at_a_time;
mod primary_stays;
mod quorum_survives;
mod storage_kept;
mod successor_ready;
mod writes_survive;

pub(crate) use engine_idle::engine_idle;
pub(crate) use everyone_there::everyone_there;
pub(crate) use members_known::members_known;
pub(crate) use no_primary::no_primary;
pub(crate) use one_at_a_time::one_at_a_time;
pub(crate) use primary_stays::primary_stays;
pub(crate) use quorum_survives::quorum_survives;
pub(crate) use storage_kept::storage_kept;
pub(crate) use successor_ready::successor_ready;
pub(crate) use writes_survive::writes_survive;
