//! What the guard does between requests: it observes every guarded database, and one replica, the leader, switches primaries
//! over, keeps default budgets and writes the policies' status.

pub(crate) mod default_pdbs;
pub(crate) mod leader;
pub(crate) mod monitor;
pub(crate) mod policy_status;
pub(crate) mod switchover;
