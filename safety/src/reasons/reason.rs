//! Every reason there is for saying no, with its number, its limit and its next step.
//!
//! One enum, one `Display`: the command line, the guard's denial, the Event, the metric label and
//! `docs/reasons.md` all say the same words.

use super::config_violation::ConfigViolation;
use super::version_skew::VersionSkew;
use crate::model::{Blocker, EngineProfile, Millis, OperatorOwner};

/// Why something is not safe now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// Nothing is known about the database.
    NotAssessed {
        /// Why not.
        why: String,
    },
    /// What is known is too old to act on.
    Stale {
        /// Its age in milliseconds.
        age: Millis,
        /// The limit in milliseconds.
        limit: Millis,
    },
    /// The member named is no part of the database as its servers describe it.
    NotAMember {
        /// The pod's name.
        member: String,
    },
    /// A member that must be heard did not answer.
    NotAnswering {
        /// The member.
        member: String,
        /// Why, in the driver's words.
        why: String,
    },
    /// A member's pod is not ready.
    PodNotReady {
        /// The member.
        member: String,
        /// Why, in the kubelet's word.
        why: String,
    },
    /// Another member of the same group is away already.
    MemberAway {
        /// The group.
        group: String,
        /// The member that is away.
        member: String,
        /// What is the matter with it.
        why: String,
    },
    /// A replica is further behind than the limit.
    Lagging {
        /// The replica.
        member: String,
        /// Bytes behind.
        lag: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A replica has not said for too long how far it has come.
    Late {
        /// The replica.
        member: String,
        /// Seconds since its last word; none where the engine does not tell.
        seconds: Option<u64>,
        /// The limit in seconds.
        limit: u64,
    },
    /// The member taken is the primary of its group.
    PrimaryTaken {
        /// The group.
        group: String,
        /// The primary.
        member: String,
    },
    /// The member taken is the only copy of its group's data, and takes its writes.
    OnlyCopy {
        /// The group.
        group: String,
        /// The member.
        member: String,
    },
    /// Too few members in sync would be left for a write to be acknowledged.
    WritesWouldStop {
        /// The group.
        group: String,
        /// Members in sync that would be left.
        left: usize,
        /// Members in sync that a write needs.
        needed: usize,
        /// The engine, whose settings decide that number.
        engine: &'static EngineProfile,
    },
    /// The database could no longer elect a primary, or acknowledge a write.
    QuorumLost {
        /// What the voters are.
        voters_are: String,
        /// Voters that would be left.
        left: usize,
        /// Voters it needs.
        needed: usize,
    },
    /// The member's data would not be there when it comes back.
    StorageNotKept {
        /// The member.
        member: String,
        /// Its data directory, where the member has a claim and its server keeps its data elsewhere.
        directory: Option<String>,
    },
    /// The member's server writes nothing to disk: it would come back empty.
    NoPersistence {
        /// The member.
        member: String,
        /// The engine, which knows how to turn persistence on.
        engine: &'static EngineProfile,
    },
    /// No replica of the group is in sync, so none can take over.
    NoSuccessor {
        /// The group.
        group: String,
    },
    /// The successor named is not the replica of the present primary.
    NotASuccessor {
        /// The member that should take over.
        to: String,
        /// The member it should take over from.
        from: String,
    },
    /// An operator makes the StatefulSet: what is changed behind its back it changes back, or moves at the same time.
    OperatorRunsIt {
        /// The object it is made from.
        operated: OperatorOwner,
    },
    /// The StatefulSet has an update strategy that this tool could not give back as it was.
    RolloutUnknown {
        /// The strategy's name.
        strategy: String,
    },
    /// The database's own configuration says that the successor never leads.
    NotElectable {
        /// The member that should take over.
        to: String,
    },
    /// One pod more would be no member: the engine does not take it in by itself.
    JoinsNotByItself {
        /// The pod.
        member: String,
        /// What is missing.
        why: String,
    },
    /// A canary's writes are refused, are not answered, or are not there when they are read.
    CanaryUnwell {
        /// What became of them.
        told: String,
    },
    /// An operation holds the workload, and another pod goes next.
    PlanInProgress {
        /// Who holds it.
        holder: String,
    },
    /// The permission could not be written down, so that another one might be given beside it.
    NotReserved {
        /// Why not.
        why: String,
    },
    /// The release that would come next does not fit.
    Release(VersionSkew),
    /// An object that is declared stands in the way.
    Declared(ConfigViolation),
    /// A named condition of the engine.
    Blocked(Blocker),
}

impl Reason {
    /// The stable code, by which a check is skipped, searched for and counted.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAssessed { .. } => "STF-DB-001",
            Self::Stale { .. } => "STF-DB-002",
            Self::NotAMember { .. } => "STF-DB-003",
            Self::NotAnswering { .. } => "STF-DB-004",
            Self::MemberAway { .. } => "STF-DB-005",
            Self::Lagging { .. } => "STF-DB-006",
            Self::PrimaryTaken { .. } => "STF-DB-007",
            Self::WritesWouldStop { .. } => "STF-DB-008",
            Self::QuorumLost { .. } => "STF-DB-009",
            Self::StorageNotKept { .. } => "STF-DB-010",
            Self::NoPersistence { .. } => "STF-DB-011",
            Self::NoSuccessor { .. } => "STF-DB-012",
            Self::PodNotReady { .. } => "STF-DB-013",
            Self::NotASuccessor { .. } => "STF-DB-014",
            Self::OnlyCopy { .. } => "STF-DB-022",
            Self::Late { .. } => "STF-DB-023",
            Self::NotElectable { .. } => "STF-DB-024",
            Self::JoinsNotByItself { .. } => "STF-DB-025",
            Self::OperatorRunsIt { .. } => "STF-DB-026",
            Self::CanaryUnwell { .. } => "STF-DB-027",
            Self::RolloutUnknown { .. } => "STF-DB-028",
            Self::PlanInProgress { .. } => "STF-GD-001",
            Self::NotReserved { .. } => "STF-GD-002",
            Self::Release(misfit) => misfit.code(),
            Self::Declared(violation) => violation.code(),
            Self::Blocked(blocker) => blocker.code,
        }
    }

    /// Whether waiting may help: the database can get there by itself within a step's deadline.
    pub const fn may_pass(&self) -> bool {
        match self {
            Self::NotAssessed { .. }
            | Self::Stale { .. }
            // One that has just been reborn, or follows a primary that has just changed, is listed in a moment.
            | Self::NotAMember { .. }
            | Self::NotAnswering { .. }
            | Self::PodNotReady { .. }
            | Self::MemberAway { .. }
            | Self::Lagging { .. }
            | Self::Late { .. }
            | Self::WritesWouldStop { .. }
            | Self::QuorumLost { .. }
            | Self::NoSuccessor { .. }
            | Self::CanaryUnwell { .. }
            | Self::PlanInProgress { .. }
            | Self::NotReserved { .. } => true,
            Self::PrimaryTaken { .. }
            | Self::OnlyCopy { .. }
            | Self::StorageNotKept { .. }
            | Self::NoPersistence { .. }
            | Self::NotASuccessor { .. }
            | Self::NotElectable { .. }
            | Self::JoinsNotByItself { .. }
            | Self::OperatorRunsIt { .. }
            | Self::RolloutUnknown { .. }
            | Self::Release(_)
            | Self::Declared(_) => false,
            Self::Blocked(blocker) => blocker.effect.passes.may_pass(),
        }
    }

    /// The next thing to do, as a sentence or a command to type. `target` is the workload as the user names it,
    /// with its namespace flag.
    pub fn next_step(&self, target: &str) -> String {
        let flags = target.find(' ').map_or("", |at| &target[at..]);
        match self {
            Self::NotAssessed { .. } | Self::Stale { .. } => format!("look again: kubectl stateful status {target}"),
            Self::NotAMember { member } => {
                format!(
                    "see who the members are: kubectl stateful status {target}; if {member} is new, let it join first"
                )
            }
            Self::NotAnswering { member, .. } | Self::PodNotReady { member, .. } => {
                format!("see why: kubectl describe pod {member}{flags}, kubectl logs {member}{flags}")
            }
            Self::MemberAway { .. } | Self::Lagging { .. } | Self::Late { .. } | Self::NoSuccessor { .. } => {
                format!("wait until it is in sync: kubectl stateful status {target} --watch")
            }
            Self::PrimaryTaken { member, .. } => {
                format!("switch over first: kubectl stateful switchover {target} --from {member}")
            }
            Self::OnlyCopy { member, .. } => format!(
                "add a replica (kubectl scale), or accept that no write is possible until its pod is back: kubectl stateful \
                 guard approve {member}{flags} --for 10m --reason TEXT"
            ),
            Self::WritesWouldStop { engine, .. } => format!(
                "add a replica, or lower the number of members in sync that a write needs ({}) for the duration, or accept that \
                 writes hang or fail while each member is away: --skip-check {}",
                engine.advice.write_quorum_settings,
                self.code()
            ),
            Self::QuorumLost { .. } => format!("bring the others back first: kubectl stateful status {target}"),
            Self::StorageNotKept { directory: None, .. } => {
                "give the StatefulSet a volumeClaimTemplate for its data directory".to_owned()
            }
            Self::StorageNotKept { directory: Some(directory), .. } => format!(
                "copy the data away first (a dump); then mount a claim at or above {directory}, and load the copy"
            ),
            Self::NoPersistence { engine, .. } => {
                let how = engine.advice.persistence.map(|(_, how)| format!(" ({how})")).unwrap_or_default();
                format!("turn persistence on{how}, or, if the data may be lost, --skip-check {}", self.code())
            }
            Self::NotASuccessor { .. } => format!("name one of its replicas: kubectl stateful status {target}"),
            Self::OperatorRunsIt { operated } => {
                format!("{}; kubectl stateful switchover and drain work as for any other", operated.ask(flags))
            }
            Self::RolloutUnknown { .. } => format!(
                "set OnDelete, under which a pod changes only when it is deleted (in the manifest too): kubectl patch statefulset \
                 {target} --patch '{{\"spec\":{{\"updateStrategy\":{{\"type\":\"OnDelete\"}}}}}}'; kubectl stateful switchover and \
                 drain work without that"
            ),
            Self::NotElectable { .. } => format!("name a member that may lead: kubectl stateful status {target}"),
            Self::JoinsNotByItself { .. } => {
                format!("leave --surge away; or add a member yourself, then: kubectl stateful upgrade {target}")
            }
            Self::CanaryUnwell { .. } => {
                format!("see who is away or waits: kubectl stateful status {target}; then ask again")
            }
            Self::PlanInProgress { .. } => format!(
                "wait for it: kubectl stateful history {target}; if no process runs it any more, end it: \
                 kubectl stateful abort {target}"
            ),
            Self::NotReserved { .. } => "ask again; if it stays so: kubectl stateful guard status".to_owned(),
            Self::Release(misfit) => misfit.next_step(target),
            Self::Declared(violation) => violation.next_step(flags),
            Self::Blocked(blocker) => blocker.next_step(target),
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAssessed { why } => write!(f, "nothing is known about the database: {why}"),
            Self::Stale { age, limit } => {
                write!(f, "what is known about the database is {age} ms old, the limit is {limit} ms")
            }
            Self::NotAMember { member } => {
                write!(f, "{member} is no member of the database as its servers describe it")
            }
            Self::NotAnswering { member, why } => write!(f, "{member} does not answer: {why}"),
            Self::MemberAway { group, member, why } => {
                write!(f, "{member} of {group} is away ({why}); never two members of one group at a time")
            }
            Self::Lagging { member, lag, limit } => {
                write!(f, "{member} is {lag} bytes behind its primary, the limit is {limit}")
            }
            Self::Late { member, seconds: Some(seconds), limit } => {
                write!(f, "{member} last told its primary {seconds} s ago how far it is, the limit is {limit} s")
            }
            Self::Late { member, seconds: None, limit } => {
                write!(f, "it is not known when {member} last told its primary how far it is, the limit is {limit} s")
            }
            Self::PrimaryTaken { group, member } => {
                write!(f, "{member} is the primary of {group} and takes its writes")
            }
            Self::OnlyCopy { group, member } => {
                write!(f, "{member} is the only member of {group} and takes its writes")
            }
            Self::WritesWouldStop { group, left, needed, .. } => {
                write!(f, "{group} would be left with {left} in sync, a write needs {needed}")
            }
            Self::QuorumLost { voters_are, left, needed } => {
                write!(f, "only {left} {voters_are} would be left, {needed} are needed")
            }
            Self::StorageNotKept { member, directory: None } => {
                write!(f, "{member} keeps its data on no claim: it goes with the pod")
            }
            Self::StorageNotKept { member, directory: Some(directory) } => {
                write!(f, "{member} keeps its data in {directory}, which is on no claim: it goes with the pod")
            }
            Self::NoPersistence { member, engine } => {
                let missing = engine.advice.persistence.map(|(missing, _)| format!(" ({missing})")).unwrap_or_default();
                write!(f, "{member} writes nothing to disk{missing}: it would come back empty")
            }
            Self::NoSuccessor { group } => write!(f, "{group} has no replica in sync that could take over"),
            Self::PodNotReady { member, why } => write!(f, "the pod of {member} is not ready: {why}"),
            Self::NotASuccessor { to, from } => write!(f, "{to} is no replica of {from}"),
            Self::CanaryUnwell { told } => write!(f, "not every write of a canary came through: {told}"),
            Self::PlanInProgress { holder } => write!(
                f,
                "{holder} is running an operation on this database, and this pod is not the one that it removes next"
            ),
            Self::OperatorRunsIt { operated } => {
                write!(f, "an operator makes this StatefulSet from {operated} and would undo any change made here")
            }
            Self::RolloutUnknown { strategy } => write!(
                f,
                "the StatefulSet's update strategy is {strategy}, and an upgrade can give back only RollingUpdate and OnDelete"
            ),
            Self::NotElectable { to } => {
                write!(f, "{to} cannot take over: by the database's own configuration it never leads (priority 0)")
            }
            Self::JoinsNotByItself { member, why } => {
                write!(f, "{member}, the extra replica, would not become a member of the database by itself: {why}")
            }
            Self::NotReserved { why } => {
                write!(f, "the guard could not record in the cluster that this pod goes, so it refuses: {why}")
            }
            Self::Release(misfit) => write!(f, "{misfit}"),
            Self::Declared(violation) => write!(f, "{violation}"),
            Self::Blocked(blocker) => write!(f, "{blocker}"),
        }
    }
}
