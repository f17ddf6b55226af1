//! Conditions of a database that stand in the way of an operation. Which conditions there are, and in which words, each
//! engine says in a table of its own; the judge knows only their effect.

use serde::Serialize;

/// A condition that an engine found in a database, and that stands in the way of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Blocker {
    /// The stable code, by which it is skipped, searched for and counted.
    pub code: &'static str,
    /// What it means for the judge.
    pub effect: Effect,
    /// The member it is about, where it is about one.
    pub member: Option<String>,
    /// What was found, with its numbers and limits.
    pub text: String,
    /// The next thing to do, with `{target}` for the workload as the user names it and `{flags}` for its namespace flag.
    pub next_step: String,
}

impl Blocker {
    /// The next thing to do, as a sentence or a command to type. `target` is the workload as the user names it, with its
    /// namespace flag.
    pub fn next_step(&self, target: &str) -> String {
        let flags = target.find(' ').map_or("", |at| &target[at..]);
        self.next_step.replace("{target}", target).replace("{flags}", flags)
    }
}

impl std::fmt::Display for Blocker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a condition means for the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    /// What it stands in the way of.
    pub blocks: Blocks,
    /// What it means for a switchover that was broken off and is to be finished.
    pub unfinished: UnfinishedSwitchover,
    /// How it ends.
    pub passes: Passes,
}

impl Effect {
    /// It blocks this and ends so; a switchover that was broken off may be finished all the same.
    pub const fn new(blocks: Blocks, passes: Passes) -> Self {
        Self { blocks, unfinished: UnfinishedSwitchover::MayFinish, passes }
    }

    /// The same, and a switchover that was broken off may not be finished either: there could be a second primary, or the
    /// successor could not lead.
    #[must_use]
    pub const fn and_finishing(self) -> Self {
        Self { unfinished: UnfinishedSwitchover::Blocked, ..self }
    }
}

/// What a condition stands in the way of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Blocks {
    /// Whatever is done to the database.
    Everything,
    /// A switchover: it does no harm as long as no member's role is changed.
    Switchover,
    /// A switchover, and taking the member that it is about.
    SwitchoverAndItsMember,
    /// A switchover, and taking any member but the one that it is about.
    AllButItsMember,
    /// Giving the members another template or release; moving them is free.
    Upgrade,
    /// Making a release final.
    Finalize,
}

/// What a condition means for a switchover that was broken off: the database has no primary then, and writes wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum UnfinishedSwitchover {
    /// It may not be finished.
    Blocked,
    /// It may be finished.
    MayFinish,
}

/// How a condition ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Passes {
    /// Only by what an administrator does.
    Never,
    /// By itself, within a step's deadline: waiting may help.
    ByItself,
    /// By itself within seconds, so that it only delays a step.
    WithinSeconds,
    /// By itself, or by making the release final, which goes on with what was broken off.
    ByFinalize,
}

impl Passes {
    /// Whether waiting may help.
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Never => false,
            Self::ByItself | Self::WithinSeconds | Self::ByFinalize => true,
        }
    }
}
