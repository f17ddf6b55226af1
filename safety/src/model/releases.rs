//! Versions compared by the rules of an engine's releases.

use super::engine_profile::EngineProfile;
use super::version::Version;

impl Version {
    /// Whether `self` is of an older release of that engine than `other`, as far as both give the numbers that tell.
    pub fn is_older_release_than(&self, other: &Self, engine: &EngineProfile) -> bool {
        let (own, theirs) = (self.numbers_of_release(engine), other.numbers_of_release(engine));
        let shared = own.len().min(theirs.len());
        own[..shared] < theirs[..shared]
    }

    /// Whether one may go to `self` from `before`, a version of an older release, in one step.
    pub fn follows_release_of(&self, before: &Self, engine: &EngineProfile) -> bool {
        let Some(line) = engine.releases.line else { return true };
        let place = |version: &Self| line.iter().position(|release| version.numbers_of_release(engine) == release);
        // The way between releases that are not in the line is not known.
        place(before).zip(place(self)).is_some_and(|(before, this)| this == before + 1)
    }

    /// Whether the two are of different releases of that engine, whichever is the older one.
    pub fn is_another_release_than(&self, other: &Self, engine: &EngineProfile) -> bool {
        self.is_older_release_than(other, engine) || other.is_older_release_than(self, engine)
    }

    /// The release it is of: the numbers that name it, as many of them as were given.
    #[must_use]
    pub fn release(&self, engine: &EngineProfile) -> Self {
        Self::of_numbers(self.numbers_of_release(engine).to_vec())
    }

    fn numbers_of_release(&self, engine: &EngineProfile) -> &[u32] {
        self.first_numbers((engine.releases.numbers)(self))
    }
}
