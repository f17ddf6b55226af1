//! Server versions, compared as the engines compare them: number by number.

use serde::{Deserialize, Serialize};

use crate::EngineKind;

/// A server's version, as many numbers as it gave: `7.0.15` is `[7, 0, 15]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version(Vec<u32>);

impl Version {
    /// Reads `7.0.15`, `v8.2`, `7.0-bookworm`. Anything that does not open with a number is no version
    /// (`latest`, a digest): the caller then does not know, and unknown is unsafe.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let head = text.split(|c: char| c != '.' && !c.is_ascii_digit()).next()?;
        let numbers: Option<Vec<u32>> = head.split('.').map(|part| part.parse().ok()).collect();
        numbers.map(Self)
    }

    /// The version an image's tag promises, if its tag is one.
    pub fn of_image(image: &str) -> Option<Self> {
        let name = image.rsplit('/').next()?.split('@').next()?;
        Self::parse(name.split_once(':')?.1)
    }

    /// The first number: `15` of `15.18`.
    pub fn first(&self) -> Option<u32> {
        self.0.first().copied()
    }

    /// Whether `self` is of an older release of that engine than `other`, as far as both give the numbers that tell.
    pub fn is_older_release_than(&self, other: &Self, engine: EngineKind) -> bool {
        let (own, theirs) = (self.numbers_of_release(engine), other.numbers_of_release(engine));
        let shared = own.len().min(theirs.len());
        own[..shared] < theirs[..shared]
    }

    /// Whether one may go to `self` from `before`, a version of an older release, in one step.
    pub fn follows_release_of(&self, before: &Self, engine: EngineKind) -> bool {
        let Some(line) = engine.release_line() else { return true };
        let place = |version: &Self| line.iter().position(|release| version.numbers_of_release(engine) == release);
        // Nobody knows the way between releases that are not in the line.
        place(before).zip(place(self)).is_some_and(|(before, this)| this == before + 1)
    }

    /// Whether the two are of different releases of that engine, whichever is the older one.
    pub fn is_another_release_than(&self, other: &Self, engine: EngineKind) -> bool {
        self.is_older_release_than(other, engine) || other.is_older_release_than(self, engine)
    }

    /// The release it is of: the numbers that name it, as many of them as were given.
    #[must_use]
    pub fn release(&self, engine: EngineKind) -> Self {
        Self(self.numbers_of_release(engine).to_vec())
    }

    fn numbers_of_release(&self, engine: EngineKind) -> &[u32] {
        &self.0[..self.0.len().min(engine.release_numbers(self))]
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u32::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::Version;
    use crate::EngineKind;

    fn version(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    #[test]
    fn a_release_is_what_its_engine_counts_as_one() {
        let older = |engine, this: &str, that: &str| version(this).is_older_release_than(&version(that), engine);
        let redis = |this, that| older(EngineKind::Redis, this, that);
        assert!(!redis("7.0", "7.0.15"));
        assert!(redis("7.0", "8.0.2"));
        assert!(redis("7.0.15", "7.2.1"));
        assert!(!redis("8.0", "7.0.15"));
        assert!(!redis("7.0.9", "7.0.10"));
        assert!(!redis("7", "7.4"), "7 may be 7.4");
        let postgres = |this, that| older(EngineKind::Postgres, this, that);
        assert!(!postgres("15.18", "15.20") && !postgres("15.20", "15.18"), "minors of one release");
        assert!(postgres("15.20", "17.12") && !postgres("17.12", "15.20"));
        assert!(postgres("9.5.25", "9.6.24") && !postgres("9.6.1", "9.6.24"), "before 10 two numbers name it");
        assert!(postgres("9.6.24", "10.23"));
        let next = |this: &str, before: &str, engine| version(this).follows_release_of(&version(before), engine);
        assert!(next("6.0.27", "5.0.4", EngineKind::Mongodb) && next("5.0", "4.4.30", EngineKind::Mongodb));
        assert!(!next("7.0.1", "5.0.4", EngineKind::Mongodb), "6.0 is between them");
        assert!(!next("9.9", "8.0.4", EngineKind::Mongodb), "nobody knows what is between them");
        assert!(next("8.0", "7.0", EngineKind::Redis), "one release of Redis may follow any older one");
        for (this, that, another) in [("15.18", "15.20", false), ("15.20", "17.12", true), ("17.12", "15.20", true)] {
            assert_eq!(version(this).is_another_release_than(&version(that), EngineKind::Postgres), another);
        }
    }

    #[test]
    fn what_is_not_a_number_is_no_version() {
        assert_eq!(Version::of_image("redis:latest"), None);
        assert_eq!(Version::of_image("registry:5000/redis"), None);
        assert_eq!(Version::of_image("redis:7.2-alpine"), Some(version("7.2")));
        assert_eq!(Version::of_image("redis:99999999999999"), None);
        assert_eq!(version("7.0.15").to_string(), "7.0.15");
    }
}
