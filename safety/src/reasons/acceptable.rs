//! Which reasons the operator of a run may accept (`--skip-check CODE`): nearly none.

use super::Reason;

/// The conditions of engines that may be accepted for one run. An engine cannot add to them by itself.
const ACCEPTABLE: &[&str] = &[
    // A snapshot runs: a switchover only takes longer.
    "STF-DB-019",
    // A cluster moves data between its shards, or may do so: a chunk changes hands when a majority of both shards has it, so a
    // member that restarts meanwhile loses none of its writes. A shard's own members cannot tell, so the person who runs the upgrade has to.
    "STF-MG-008",
    "STF-MG-009",
    // A backup may run: it would break off and be made anew.
    "STF-MG-012",
];

impl Reason {
    /// Whether the operator of a run may accept it (`--skip-check CODE`). What would lose acknowledged writes or
    /// make two primaries may never be accepted. Writes that are not acknowledged for a while lose nothing: a
    /// primary, one replica and a member that only votes cannot be upgraded in any other way.
    pub fn may_be_accepted(&self) -> bool {
        match self {
            Self::NoPersistence { .. } | Self::WritesWouldStop { .. } => true,
            Self::Blocked(blocker) => ACCEPTABLE.contains(&blocker.code),
            _ => false,
        }
    }
}
