//! What an operation reports while it runs; the plugin prints it.

use serde::{Deserialize, Serialize};
use stateful_safety::{MemberState, Millis, Role, Sync};

use crate::Snapshot;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// When.
    pub at: Millis,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum What {
    /// The members look different from before.
    Members {
        /// All of them.
        members: Vec<MemberLine>,
    },
    /// A step begins its first change.
    StepStarted {
        /// Its place in the plan, from 0.
        step: usize,
        /// How many there are.
        of: usize,
        /// What it does.
        text: String,
    },
    /// A step waits; said again only when the reason changes.
    StepWaiting {
        /// Its place in the plan.
        step: usize,
        /// How many there are.
        of: usize,
        /// What it does.
        text: String,
        /// What it waits for.
        why: String,
    },
    /// A step is done, or was already.
    StepFinished {
        /// Its place in the plan.
        step: usize,
        /// How many there are.
        of: usize,
        /// What it did.
        text: String,
        /// How long it took, in milliseconds.
        took: Millis,
        /// For a switchover: from the request until the successor was the primary, in milliseconds.
        #[serde(rename = "handedOverIn")]
        switchover_took: Option<Millis>,
        /// Whether there was anything to do.
        acted: bool,
    },
    /// Something people should know, which stops nothing.
    Noted {
        /// What.
        text: String,
    },
    /// The user asked it to stop; it does so at the next safe moment.
    Stopping,
    /// The database changed by itself; what is left was planned again.
    #[serde(rename = "redrawn")]
    Replanned {
        /// Why.
        why: String,
        /// The steps that are left.
        steps: Vec<String>,
    },
}

/// A member, as shown while it moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberLine {
    /// The pod's name.
    pub name: String,
    /// Its replica group.
    pub group: String,
    /// Its role there.
    pub role: Role,
    /// `in sync`, or what is wrong.
    pub state: String,
    /// Whether it is there and in sync.
    pub well: bool,
    /// Its server's version.
    pub version: Option<String>,
    /// Whether it runs what the template declares.
    pub current: bool,
    /// Its node.
    pub node: Option<String>,
}

impl MemberLine {
    /// One line a declared member, in the StatefulSet's order.
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        let declared = snapshot.workload.members.iter().map(|member| member.name.clone());
        declared.chain(snapshot.workload.absent()).map(|name| Self::of(snapshot, &name)).collect()
    }

    fn of(snapshot: &Snapshot, name: &str) -> Self {
        let pod = snapshot.workload.member(name);
        let state = snapshot.assessment.member(name);
        let (text, well) = match pod {
            None => ("no pod".to_owned(), false),
            Some(pod) if pod.terminating => ("terminating".to_owned(), false),
            Some(pod) if !pod.ready => (pod.waiting.clone().unwrap_or_else(|| "not ready".to_owned()), false),
            Some(_) => sync_text(state),
        };
        Self {
            name: name.to_owned(),
            group: snapshot.assessment.group_of(name).map_or_else(|| "-".to_owned(), |group| group.name.clone()),
            role: state.map_or(Role::Unknown, |state| state.role),
            state: text,
            well,
            version: state.and_then(|state| state.version.as_ref()).map(ToString::to_string),
            current: pod.is_some_and(|pod| snapshot.workload.is_current(pod)),
            node: pod.and_then(|pod| pod.node.clone()),
        }
    }
}

fn sync_text(state: Option<&MemberState>) -> (String, bool) {
    match state.map(|state| &state.sync) {
        None => ("not in the database".to_owned(), false),
        Some(Sync::InSync { lag_bytes: 0 }) => ("in sync".to_owned(), true),
        Some(Sync::InSync { lag_bytes }) => (format!("in sync, {lag_bytes} B behind"), true),
        Some(Sync::Behind { why } | Sync::Unreachable { why }) => (why.clone(), false),
    }
}
