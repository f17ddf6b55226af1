//! Engines for this crate's own tests. The real ones are in `engines/`, which this crate does not know.

use stateful_safety::{Advice, EngineProfile, EngineProfiles, Moves, ReleaseRules};

pub(crate) static EXAMPLE: EngineProfile = of(&["redis"], &["redis", "valkey"], Some("sentinel"));
pub(crate) static OTHER: EngineProfile = of(&["postgres"], &["postgres"], None);

static ALL: [&EngineProfile; 2] = [&EXAMPLE, &OTHER];

pub(crate) const PROFILES: EngineProfiles = EngineProfiles::new(&ALL);

const fn of(
    words: &'static [&'static str],
    images: &'static [&'static str],
    monitor_word: Option<&'static str>,
) -> EngineProfile {
    EngineProfile {
        words,
        images,
        monitor_word,
        default_port: 4_000,
        releases: ReleaseRules {
            numbers: |_| 2,
            line: None,
            rolls_across: true,
            across_advice: "",
            features_setting: "",
        },
        joins_only_after: None,
        finishes_switchovers: false,
        moves: Moves::ByGroup,
        advice: Advice { write_quorum_settings: "", end_temporary_sync: None, persistence: None, forget_database: "" },
    }
}
