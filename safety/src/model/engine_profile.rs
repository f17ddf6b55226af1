//! What is constant about an engine: how it is recognised, how its releases follow each other, and the words that only
//! it can give. Each engine's folder in `engines/` has one such constant; nothing here names an engine.

use serde::{Deserialize, Serialize, Serializer};

use super::version::Version;

/// What is constant about one engine. Two profiles are the same if their names are.
pub struct EngineProfile {
    /// The words a user may type for it; the first is its name, as printed and as stored.
    pub words: &'static [&'static str],
    /// Last path elements of the images that run its server.
    pub images: &'static [&'static str],
    /// What a container with one of these images is named, or its program ends in, where it serves no data and monitors the servers:
    /// such a container is no member.
    pub monitor_word: Option<&'static str>,
    /// The port its server listens on by default.
    pub default_port: u16,
    /// How its releases are named and follow each other.
    pub releases: ReleaseRules,
    /// What has to be done before a pod that was added to the StatefulSet is a member; none where it joins by itself.
    pub joins_only_after: Option<&'static str>,
    /// Whether a switchover that was broken off can be asked for once more, between the same two members, while no member
    /// leads: the adapter then finds out which of them has everything and lets it lead, or says that it does not know. False
    /// where the servers themselves end what they began.
    pub finishes_switchovers: bool,
    /// The units in which an upgrade moves it.
    pub moves: Moves,
    /// Sentences that only this engine can give.
    pub advice: Advice,
}

/// The units in which a database is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moves {
    /// One replica group after another: each has a leader of its own, which is moved when its replicas are done.
    ByGroup,
    /// One member after another: members share many groups, or have no leader, and each moves once.
    ByMember,
}

/// How an engine's releases are named and follow each other.
pub struct ReleaseRules {
    /// How many of a version's numbers name its release; the others count fixes within it. Versions of one release read
    /// each other's files.
    pub numbers: fn(&Version) -> usize,
    /// Its releases in order, where a database must be moved through each of them; none where any newer release may follow.
    pub line: Option<&'static [[u32; 2]]>,
    /// Whether members of two releases replicate with each other, the newer following the older, so that a database moves to a
    /// newer release member by member.
    pub rolls_across: bool,
    /// How a database gets to another release where its members cannot be moved one by one.
    pub across_advice: &'static str,
    /// The setting that holds the release whose features the data uses, where the engine keeps it apart from the servers'
    /// version.
    pub features_setting: &'static str,
}

/// Sentences that only the engine can give; what the judge refuses ends with them.
pub struct Advice {
    /// The settings by which a write waits for fewer members in sync.
    pub write_quorum_settings: &'static str,
    /// What a server lacks that writes nothing to disk, and how to turn it on; none where every server writes to disk.
    pub persistence: Option<(&'static str, &'static str)>,
    /// What to type on a member that still lets commits wait as an operation had set it; none where no operation sets it.
    pub end_temporary_sync: Option<&'static str>,
    /// What to do to a copy of a member's volume before a server starts on it, so that the server does not join the database
    /// it was copied from. `{old}` stands for that database's name.
    pub forget_database: &'static str,
}

impl EngineProfile {
    /// Its name, as printed and as written in the `kubectl-stateful.dev/engine` annotation.
    pub const fn name(&self) -> &'static str {
        self.words[0]
    }
}

impl PartialEq for EngineProfile {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for EngineProfile {}

impl std::fmt::Debug for EngineProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::fmt::Display for EngineProfile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for EngineProfile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// An engine's name, as it is stored in a plan. The profile is looked up where it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EngineName(String);

impl EngineName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&EngineProfile> for EngineName {
    fn from(profile: &EngineProfile) -> Self {
        Self(profile.name().to_owned())
    }
}

impl std::fmt::Display for EngineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The engines of this build, in the order in which detection tries them.
#[derive(Debug, Clone, Copy)]
pub struct EngineProfiles(&'static [&'static EngineProfile]);

impl EngineProfiles {
    /// These engines.
    pub const fn new(profiles: &'static [&'static EngineProfile]) -> Self {
        Self(profiles)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'static EngineProfile> {
        self.0.iter().copied()
    }

    /// The engine a user's word means, in upper or lower case.
    pub fn find_by_word(self, word: &str) -> Option<&'static EngineProfile> {
        let word = word.to_ascii_lowercase();
        self.iter().find(|profile| profile.words.contains(&word.as_str()))
    }

    /// The engine an image runs, judged by the last element of its path: `registry:5000/team/SERVER:7.0` runs it,
    /// `team/SERVER-exporter:1` does not.
    pub fn find_by_image(self, image: &str) -> Option<&'static EngineProfile> {
        let name = image.rsplit('/').next()?.split(['@', ':']).next()?;
        self.iter().find(|profile| profile.images.contains(&name))
    }
}
