//! Why a release cannot come next, each reason with its code, its words and its next step.

use crate::model::{EngineProfile, Version};

/// Why a member cannot be given a release, or a release cannot be made final. Waiting helps against none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VersionSkew {
    /// The successor would run an older version than the data may already need.
    OlderSuccessor {
        /// The member or image that should take over.
        to: String,
        /// Its version.
        to_version: Version,
        /// The primary's version.
        from_version: Version,
    },
    /// The member has run a newer release than the one it should go back to, and its files are in that one's format.
    FilesTooNew {
        /// The member.
        member: String,
        /// The version it runs.
        version: Version,
        /// The image it should go back to.
        image: String,
    },
    /// The image is of another release than the member runs, and this engine's releases neither read each other's files
    /// nor replicate with each other.
    AnotherRelease {
        /// The member.
        member: String,
        /// The version it runs.
        version: Version,
        /// The image it should run.
        image: String,
        /// The engine, whose releases they are.
        engine: &'static EngineProfile,
    },
    /// The image is more than one release away from the one the member runs.
    ReleaseSkipped {
        /// The member.
        member: String,
        /// The version it runs.
        version: Version,
        /// The image it should run.
        image: String,
        /// The engine, whose releases they are.
        engine: &'static EngineProfile,
    },
    /// The step to the release that runs was never made final, and another one would be two releases away from what the
    /// data uses.
    NotFinalized {
        /// The release whose features are used.
        features: Version,
        /// The version that runs.
        version: Version,
        /// The engine, whose releases they are.
        engine: &'static EngineProfile,
    },
    /// A member does not run the release that is to be made final.
    ReleasesMixed {
        /// The member.
        member: String,
        /// The version it runs, if it said so.
        version: Option<Version>,
        /// The release that is to be made final.
        release: Version,
    },
}

impl VersionSkew {
    /// The stable code, by which a check is searched for and counted.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OlderSuccessor { .. } => "STF-DB-015",
            Self::FilesTooNew { .. } => "STF-DB-021",
            Self::AnotherRelease { .. } => "STF-PG-008",
            Self::ReleaseSkipped { .. } => "STF-MG-005",
            Self::NotFinalized { .. } => "STF-MG-006",
            Self::ReleasesMixed { .. } => "STF-MG-007",
        }
    }

    /// The next thing to do, as a sentence or a command to type. `target` is the workload as the user names it, with its
    /// namespace flag.
    pub fn next_step(&self, target: &str) -> String {
        match self {
            Self::OlderSuccessor { .. } | Self::FilesTooNew { .. } => {
                "go forward instead: an older server cannot read what a newer one wrote (restore a backup to go back)"
                    .to_owned()
            }
            Self::AnotherRelease { engine, .. } => engine.releases.across_advice.to_owned(),
            Self::ReleaseSkipped { engine, .. } => {
                let line = engine.releases.line.unwrap_or_default();
                let line: Vec<String> = line.iter().map(|[major, minor]| format!("{major}.{minor}")).collect();
                format!(
                    "one release at a time ({}), each made final before the next: kubectl stateful upgrade {target} --image \
                     IMAGE, then kubectl stateful finalize {target}",
                    line.join(", ")
                )
            }
            Self::ReleasesMixed { .. } => {
                format!("bring every member to it first: kubectl stateful upgrade {target} --image IMAGE")
            }
            Self::NotFinalized { .. } => {
                format!(
                    "make the last step final first (there is no way back from it): kubectl stateful finalize {target}"
                )
            }
        }
    }
}

impl std::fmt::Display for VersionSkew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OlderSuccessor { to, to_version, from_version } => {
                write!(f, "{to} is {to_version}, older than the primary's {from_version}")
            }
            Self::FilesTooNew { member, version, image } => {
                write!(f, "{member} runs {version} and has written files that {image} cannot read")
            }
            Self::AnotherRelease { member, version, image, .. } => {
                write!(
                    f,
                    "{member} runs {version}, and {image} is of another release: it cannot read its files or follow it"
                )
            }
            Self::ReleaseSkipped { member, version, image, .. } => {
                write!(
                    f,
                    "{member} runs {version}, and {image} is more than one release away: the limit is one at a time"
                )
            }
            Self::NotFinalized { features, version, engine } => write!(
                f,
                "{version} runs, and the data still uses the features of {features} ({})",
                engine.releases.features_setting
            ),
            Self::ReleasesMixed { member, version, release } => {
                let runs =
                    version.as_ref().map_or_else(|| "a version it does not tell".to_owned(), ToString::to_string);
                write!(f, "{member} runs {runs}, and {release} is to be made final: every member must run it")
            }
        }
    }
}
