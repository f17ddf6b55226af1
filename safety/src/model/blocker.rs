//! Conditions of a database under which nothing may be moved, each with its code, its words and its next step.

use serde::{Deserialize, Serialize};

use super::unsettled::Unsettled;

/// A condition of the database under which nothing may be moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Blocker {
    /// Redis Cluster: hash slots without a master.
    SlotsUncovered {
        /// Slots that have one, of 16384.
        covered: u32,
    },
    /// Redis Cluster: slots are moving between shards.
    MigrationRunning {
        /// The member that says so.
        member: String,
        /// How many of its slots are migrating or being imported.
        slots: usize,
    },
    /// Members tell different stories about who is who, where, or alive.
    ViewsDisagree {
        /// The member whose view differs.
        member: String,
        /// What it says that others do not.
        about: String,
    },
    /// A server in the database's own member list that is no pod of this workload.
    Stranger {
        /// Its address or identifier, as the members know it.
        who: String,
    },
    /// A replica group with more than one primary, or none.
    NoSinglePrimary {
        /// The group.
        group: String,
        /// How many members say they are primary.
        primaries: usize,
    },
    /// A snapshot or log rewrite runs in a forked child; a switchover now would compete with it.
    SnapshotRunning {
        /// The member.
        member: String,
        /// `RDB snapshot` or `AOF rewrite`.
        what: String,
    },
    /// A restart would bring the member back as primary, since nothing on its disk says otherwise.
    RoleNotKept {
        /// The member.
        member: String,
    },
    /// A transaction has been open for long: a switchover would end it, and its client would have to begin anew.
    TransactionOpen {
        /// The member, the primary.
        member: String,
        /// The server's process that holds it.
        process: String,
        /// For how many seconds.
        seconds: String,
    },
    /// A transaction waits for the second phase of its commit; whoever coordinates it counts on finding it there.
    TransactionPrepared {
        /// The member, the primary.
        member: String,
        /// Its name.
        transaction: String,
    },
    /// A base backup reads from this very member and would break off.
    BackupRunning {
        /// The member.
        member: String,
        /// What it does now, in the server's word.
        phase: String,
    },
    /// A replication slot's log is gone or about to go: whoever reads from it cannot follow.
    SlotLost {
        /// The member.
        member: String,
        /// The slot.
        slot: String,
        /// The server's word for it: `lost` or `unreserved`.
        status: String,
    },
    /// A logical slot that exists on the primary alone: its reader would have nothing to go on from after a switchover.
    SlotNotCarried {
        /// The member.
        member: String,
        /// The slot.
        slot: String,
    },
    /// Replay is paused on a standby: it could not be promoted.
    ReplayPaused {
        /// The member.
        member: String,
    },
    /// Somebody else decides who leads this database, and would take a switchover behind its back for a failure.
    LedByOther {
        /// The member that shows it.
        member: String,
        /// Who.
        by: String,
    },
    /// A member is in the middle of work that a restart or a switchover would break off or slow down: an index build, a
    /// backup.
    Busy {
        /// The member.
        member: String,
        /// With what.
        what: String,
    },
    /// Writes are locked on a member, for a backup of its files: it applies nothing until somebody unlocks it.
    WritesLocked {
        /// The member.
        member: String,
    },
    /// Whether a backup runs cannot be seen: the user that the pods refer to may not look.
    BackupsUnknown {
        /// A member that says so.
        member: String,
        /// What that user may not read.
        what: String,
    },
    /// What a member keeps for others to catch up with reaches less far back than a restart may take: the one that was
    /// away would need a whole copy.
    HistoryShort {
        /// The member.
        member: String,
        /// How far back it reaches, in seconds.
        seconds: u64,
        /// How far it should, in seconds.
        limit: u64,
    },
    /// A majority of the set does not have what its primary wrote: a write that waits for one waits, and what is not with a
    /// majority is rolled back when somebody else leads.
    MajorityBehind {
        /// The primary.
        member: String,
        /// How long ago it wrote what is not with a majority yet. None where it does not say how far one is.
        milliseconds: Option<u64>,
        /// How long that may take, in milliseconds.
        limit: u64,
    },
    /// Members do not agree on the release whose features they use, or are on their way to another: nobody may be given
    /// another release meanwhile.
    FeaturesDiffer {
        /// The member.
        member: String,
        /// What it says.
        says: String,
        /// What the primary says.
        primary_says: String,
    },
    /// A cluster of equals is not settled.
    Unsettled(Unsettled),
}

impl Blocker {
    /// The stable code, by which a check is searched for and counted.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ViewsDisagree { .. } => "STF-DB-016",
            Self::Stranger { .. } => "STF-DB-017",
            Self::NoSinglePrimary { .. } => "STF-DB-018",
            Self::SnapshotRunning { .. } => "STF-DB-019",
            Self::RoleNotKept { .. } => "STF-DB-020",
            Self::SlotsUncovered { .. } => "STF-RD-001",
            Self::MigrationRunning { .. } => "STF-RD-002",
            Self::TransactionOpen { .. } => "STF-PG-001",
            Self::TransactionPrepared { .. } => "STF-PG-002",
            Self::BackupRunning { .. } => "STF-PG-003",
            Self::SlotLost { .. } => "STF-PG-004",
            Self::SlotNotCarried { .. } => "STF-PG-005",
            Self::ReplayPaused { .. } => "STF-PG-006",
            Self::LedByOther { .. } => "STF-PG-007",
            Self::Busy { .. } => "STF-MG-001",
            Self::WritesLocked { .. } => "STF-MG-002",
            Self::HistoryShort { .. } => "STF-MG-003",
            Self::FeaturesDiffer { .. } => "STF-MG-004",
            Self::BackupsUnknown { .. } => "STF-MG-012",
            Self::MajorityBehind { .. } => "STF-MG-013",
            Self::Unsettled(unsettled) => unsettled.code(),
        }
    }

    /// Whether waiting may help: the database can get there by itself within a step's deadline.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::ViewsDisagree { .. }
            | Self::NoSinglePrimary { .. }
            | Self::SnapshotRunning { .. }
            | Self::SlotsUncovered { .. }
            | Self::MigrationRunning { .. }
            | Self::TransactionOpen { .. }
            | Self::TransactionPrepared { .. }
            | Self::BackupRunning { .. }
            | Self::Busy { .. }
            | Self::WritesLocked { .. }
            | Self::MajorityBehind { .. }
            | Self::FeaturesDiffer { .. } => true,
            Self::Stranger { .. }
            | Self::RoleNotKept { .. }
            | Self::SlotLost { .. }
            | Self::SlotNotCarried { .. }
            | Self::ReplayPaused { .. }
            | Self::LedByOther { .. }
            | Self::BackupsUnknown { .. }
            | Self::HistoryShort { .. } => false,
            Self::Unsettled(unsettled) => unsettled.may_pass(),
        }
    }

    /// The next thing to do, as a sentence or a command to type. `target` is the workload as the user names it, with its
    /// namespace flag.
    pub fn next_step(&self, target: &str) -> String {
        match self {
            Self::SlotsUncovered { .. } => {
                "bring the missing shard back, or assign its slots: redis-cli --cluster fix".to_owned()
            }
            Self::MigrationRunning { .. } => {
                "let the resharding finish, or finish it: redis-cli --cluster fix".to_owned()
            }
            Self::ViewsDisagree { .. } | Self::NoSinglePrimary { .. } => {
                format!("wait until all members agree: kubectl stateful status {target} --watch")
            }
            Self::Stranger { who } => {
                let id = who.split(' ').next().unwrap_or(who);
                format!(
                    "if it is gone for good, make the members forget it (redis-cli CLUSTER FORGET {id} on each); a \
                     PostgreSQL standby of somebody else's: stop it for the duration; a CouchDB node: move its shards away, \
                     then delete its document in /_node/_local/_nodes"
                )
            }
            Self::SnapshotRunning { .. } => format!("wait for it to end: kubectl stateful status {target} --watch"),
            Self::RoleNotKept { .. } => {
                "keep redis.conf on the member's volume so that CONFIG REWRITE can record the role, or run Sentinel"
                    .to_owned()
            }
            Self::TransactionOpen { process, .. } => {
                format!("wait for it, or end it: SELECT pg_terminate_backend({process})")
            }
            Self::TransactionPrepared { transaction, .. } => {
                format!("end it: COMMIT PREPARED '{transaction}' or ROLLBACK PREPARED '{transaction}'")
            }
            Self::BackupRunning { .. } => {
                format!("wait for it to end: kubectl stateful status {target} --watch")
            }
            Self::SlotLost { slot, .. } => {
                format!("if its reader is gone for good: SELECT pg_drop_replication_slot('{slot}'); else build it anew")
            }
            Self::SlotNotCarried { .. } => {
                "let the standbys keep a copy (17 and newer: failover = true, sync_replication_slots = on), or end the \
                 subscription for the duration"
                    .to_owned()
            }
            Self::ReplayPaused { .. } => "on that standby: SELECT pg_wal_replay_resume()".to_owned(),
            Self::LedByOther { by, .. } => {
                format!("let {by} move it ({by} standby switchover)")
            }
            Self::Busy { .. } => format!("wait for it to end: kubectl stateful status {target} --watch"),
            Self::WritesLocked { .. } => "let the backup end, or unlock it on that member: db.fsyncUnlock()".to_owned(),
            Self::BackupsUnknown { .. } => format!(
                "let that user look: db.getSiblingDB('admin').grantRolesToUser('USER', ['read']); or, if no backup runs (pbm \
                 status), --skip-check {}",
                self.code()
            ),
            Self::HistoryShort { limit, .. } => format!(
                "make it larger on that member: db.adminCommand({{replSetResizeOplog: 1, size: MEGABYTES, \
                 minRetentionHours: {}}})",
                limit.div_ceil(3_600)
            ),
            Self::MajorityBehind { .. } => {
                format!("see which members are behind, and wait for them: kubectl stateful status {target} --watch")
            }
            Self::FeaturesDiffer { .. } => format!(
                "wait until all say the same; if somebody broke it off, end it: kubectl stateful finalize {target}"
            ),
            Self::Unsettled(unsettled) => unsettled.next_step(target),
        }
    }
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SlotsUncovered { covered } => write!(f, "only {covered} of 16384 hash slots have a master"),
            Self::MigrationRunning { member, slots } => {
                write!(f, "slots are moving between shards: {slots}, says {member}")
            }
            Self::ViewsDisagree { member, about } => write!(f, "the members do not agree: {member} says {about}"),
            Self::Stranger { who } => write!(f, "the database lists {who}, which is no pod of this workload"),
            Self::NoSinglePrimary { group, primaries } => {
                write!(f, "{group} has {primaries} primaries, it must have exactly one")
            }
            Self::SnapshotRunning { member, what } => write!(f, "{member} is busy with an {what}"),
            Self::RoleNotKept { member } => {
                write!(
                    f,
                    "{member} would come back as a primary after a restart: nothing on its disk says it is a replica"
                )
            }
            Self::TransactionOpen { member, process, seconds } => {
                write!(
                    f,
                    "a transaction has been open for {seconds} s on {member} (process {process}); a switchover ends it"
                )
            }
            Self::TransactionPrepared { member, transaction } => {
                write!(f, "transaction {transaction} is prepared on {member} and waits for its commit")
            }
            Self::BackupRunning { member, phase } => write!(f, "a base backup runs on {member} ({phase})"),
            Self::SlotLost { member, slot, status } => {
                write!(f, "replication slot {slot} of {member} is {status}: its reader cannot follow")
            }
            Self::SlotNotCarried { member, slot } => {
                write!(f, "logical slot {slot} is on {member} alone: its reader could not go on after a switchover")
            }
            Self::ReplayPaused { member } => write!(f, "{member} has its replay paused and could not take over"),
            Self::LedByOther { member, by } => write!(f, "{by} decides who leads, as {member} shows"),
            Self::Busy { member, what } => write!(f, "{member} is busy with {what}"),
            Self::WritesLocked { member } => {
                write!(f, "writes are locked on {member} (fsyncLock): it applies nothing until it is unlocked")
            }
            Self::BackupsUnknown { member, what } => {
                write!(
                    f,
                    "whether a backup runs is not known: the user that the pod of {member} refers to may not read {what}"
                )
            }
            Self::HistoryShort { member, seconds, limit } => write!(
                f,
                "the oplog of {member} reaches {seconds} s back, the limit is {limit} s: a member away for longer would \
                 need a whole copy"
            ),
            Self::MajorityBehind { member, milliseconds: Some(milliseconds), limit } => write!(
                f,
                "what {member} wrote {milliseconds} ms ago is not with a majority of its set, the limit is {limit} ms: a write \
                 with w: majority waits"
            ),
            Self::MajorityBehind { member, milliseconds: None, .. } => {
                write!(f, "{member} does not say how much of what it wrote is with a majority of its set")
            }
            Self::FeaturesDiffer { member, says, primary_says } if says == primary_says => {
                write!(f, "{member} is changing its featureCompatibilityVersion ({says}): that must end first")
            }
            Self::FeaturesDiffer { member, says, primary_says } => write!(
                f,
                "{member} has featureCompatibilityVersion {says}, its primary {primary_says}: they must be the same"
            ),
            Self::Unsettled(unsettled) => write!(f, "{unsettled}"),
        }
    }
}
