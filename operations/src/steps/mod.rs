//! Steps: what a plan is made of. Each is a file and a row of the table in this one.
//!
//! The file answers in its head: what the step does, why it is safe to repeat, how it is undone, when it gives up; and it
//! answers in code the questions of `StepRules`. Everything else (planning, execution, the journal, resuming) asks those
//! questions and knows no step by name, except where a pattern's order depends on one.

mod add_member;
mod begin_temporary_sync;
mod change_template;
mod end_temporary_sync;
mod finalize;
mod finish_switchover;
mod hold_rollout;
mod release_rollout;
mod remove_member;
mod replace_member;
mod route_clients;
mod switch_over;

use std::fmt::{Display, Formatter};

pub(crate) use finalize::is_ended_by_finalize;
use serde::{Deserialize, Serialize};
use stateful_safety::{Disruption, Policy, Reason, ReplicaGroup};

use crate::action::Action;
use crate::goal::surge::SurgeReplica;
use crate::{Goal, Origin, Snapshot};

/// What every step answers about itself. A question has an answer by default only where that answer is the safe one.
pub(crate) trait StepRules: Display {
    /// The step with the names of this row filled in; `None` where the row has nothing to do.
    fn fill(row: &RowContext<'_>) -> Option<Self>
    where
        Self: Sized;

    /// How far it has come, judged by observing, never by remembering.
    fn status(&self, situation: &Situation<'_>) -> StepStatus;

    /// The judge's reasons against what it does to the database; a step that does nothing to it has none.
    fn reasons_against(&self, situation: &Situation<'_>) -> Vec<Reason>;

    /// The change to make now; `None` while what it would change is not there.
    fn action(&self, snapshot: &Snapshot) -> Option<Action>;

    /// Whether it relies on the StatefulSet controller replacing no pod by itself.
    fn needs_on_delete(&self) -> bool;

    /// The member that it takes away: that one may be broken already.
    fn removed_member(&self) -> Option<&str> {
        None
    }

    /// The member whose new pod it waits for: it gives up early where that pod cannot start.
    fn awaited_pod(&self) -> Option<&str> {
        None
    }

    /// The primary role that it moves: a switchover that is interrupted must be finished.
    fn moved_role(&self) -> Option<MovedRole<'_>> {
        None
    }

    /// What people should know before it is done.
    fn notes(&self, _snapshot: &Snapshot) -> Vec<String> {
        Vec::new()
    }
}

/// The table of steps: `stored name => file::Type`, with `(fields)` where the step has names to fill in. A row makes the
/// variant that plans and journals store, the kind that rows of patterns name, and the way from both to the step's file.
macro_rules! steps {
    ($($(#[$doc:meta])* $stored:literal => $file:ident::$name:ident $(($fields:ident))?,)*) => {
        $(pub use $file::$name;)*

        /// One step of a plan: data, so that it can be printed, saved and resumed elsewhere.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Step {
            $($(#[$doc])* #[serde(rename = $stored)] $name $((steps!(@type $fields $name)))?,)*
        }

        /// A step before its names are filled in: what a row of a pattern does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum StepKind {
            $($(#[$doc])* $name,)*
        }

        impl StepKind {
            /// The step with the names of a row filled in; `None` where the row has nothing to do.
            pub(crate) fn fill(self, row: &RowContext<'_>) -> Option<Step> {
                match self {
                    $(Self::$name => $name::fill(row).map(Step::from),)*
                }
            }
        }

        impl Step {
            /// What it was before its names were filled in.
            pub(crate) const fn kind(&self) -> StepKind {
                match self {
                    $(Self::$name { .. } => StepKind::$name,)*
                }
            }

            fn rules(&self) -> &dyn StepRules {
                match self {
                    $(Self::$name $(($fields))? => steps!(@rules $name $($fields)?),)*
                }
            }
        }

        $(impl From<$name> for Step {
            fn from(step: $name) -> Self {
                steps!(@step step $name $($fields)?)
            }
        })*
    };
    (@type $fields:ident $name:ident) => { $name };
    (@rules $name:ident) => { &$name };
    (@rules $name:ident $fields:ident) => { $fields };
    (@step $step:ident $name:ident) => {{ let $name = $step; Self::$name }};
    (@step $step:ident $name:ident $fields:ident) => { Self::$name($step) };
}

steps! {
    /// Set the update strategy to `OnDelete`, so that the StatefulSet controller replaces no pod by itself.
    "holdRollout" => hold_rollout::HoldRollout,
    /// Change the pod template.
    "changeTemplate" => change_template::ChangeTemplate(fields),
    /// Make commits wait for a standby, where they wait for none.
    "beginSynchrony" => begin_temporary_sync::BeginTemporarySync,
    /// Add a member, and wait until it is in sync.
    "addMember" => add_member::AddMember(fields),
    /// Evict a replica's pod, and wait until the pod that replaces it is in sync.
    "replace" => replace_member::ReplaceMember(fields),
    /// Make another member the primary of its group.
    "handOver" => switch_over::SwitchOver(fields),
    /// Finish a switchover that was begun, while its group has no primary.
    "finishHandOver" => finish_switchover::FinishSwitchover(fields),
    /// Point Services at the present primary.
    "route" => route_clients::RouteClients(fields),
    /// Scale back to the number of members before, so that the member that was added goes.
    "removeMember" => remove_member::RemoveMember(fields),
    /// Restore the update strategy.
    "releaseRollout" => release_rollout::ReleaseRollout(fields),
    /// Make commits wait for no standby again.
    "endSynchrony" => end_temporary_sync::EndTemporarySync,
    /// Let the data use the features of the release that runs.
    "finalize" => finalize::Finalize(fields),
}

/// How far a step has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StepStatus {
    /// Nothing of it is done.
    Pending,
    /// It is under way; what it waits for.
    Running(String),
    /// It is done.
    Done,
    /// The database has changed since the step was planned, and the step no longer fits; what has changed.
    Stale(String),
}

/// What a step is judged by: what the operation wants, what is observed now, and the judge's limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation<'a> {
    pub(crate) goal: &'a Goal,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) policy: &'a Policy,
}

impl Situation<'_> {
    /// The judge's reasons against a disruption.
    fn against(&self, disruption: &Disruption) -> Vec<Reason> {
        self.snapshot.reasons_against(self.policy, disruption)
    }
}

/// What a row of a pattern is filled in from.
#[derive(Clone, Copy)]
pub(crate) struct RowContext<'a> {
    pub(crate) goal: &'a Goal,
    pub(crate) snapshot: &'a Snapshot,
    /// The StatefulSet before the operation.
    pub(crate) origin: &'a Origin,
    /// The extra replica, where the goal has one.
    pub(crate) surge: Option<&'a SurgeReplica>,
    /// The group that the row is about, for rows about one.
    pub(crate) group: Option<&'a ReplicaGroup>,
    /// The member that the row is about; empty for rows about none.
    pub(crate) member: &'a str,
    /// The member that is to be the primary after it; empty where the row moves no primary.
    pub(crate) successor: &'a str,
    /// The steps planned so far, for rows that come last.
    pub(crate) planned: &'a [Step],
}

/// A primary role that moves from one member to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MovedRole<'a> {
    /// The group.
    pub(crate) group: &'a str,
    /// The primary before.
    pub(crate) from: &'a str,
    /// Its successor.
    pub(crate) to: &'a str,
}

/// The questions, asked of a step that is stored in a plan.
impl Step {
    pub(crate) fn status(&self, situation: &Situation<'_>) -> StepStatus {
        self.rules().status(situation)
    }

    pub(crate) fn reasons_against(&self, situation: &Situation<'_>) -> Vec<Reason> {
        self.rules().reasons_against(situation)
    }

    /// The change to make now; `None` while what it would change is not there.
    pub fn action(&self, snapshot: &Snapshot) -> Option<Action> {
        self.rules().action(snapshot)
    }

    pub(crate) fn needs_on_delete(&self) -> bool {
        self.rules().needs_on_delete()
    }

    pub(crate) fn removed_member(&self) -> Option<&str> {
        self.rules().removed_member()
    }

    pub(crate) fn awaited_pod(&self) -> Option<&str> {
        self.rules().awaited_pod()
    }

    pub(crate) fn moved_role(&self) -> Option<MovedRole<'_>> {
        self.rules().moved_role()
    }

    pub(crate) fn notes(&self, snapshot: &Snapshot) -> Vec<String> {
        self.rules().notes(snapshot)
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        self.rules().fmt(f)
    }
}
