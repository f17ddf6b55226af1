//! An engine for this crate's own tests. Real ones are in `engines/`.

use crate::model::{Advice, EngineProfile, Moves, ReleaseRules};

pub(crate) static EXAMPLE: EngineProfile = EngineProfile {
    words: &["example"],
    images: &["example"],
    monitor_word: None,
    default_port: 4_000,
    releases: ReleaseRules { numbers: |_| 2, line: None, rolls_across: true, across_advice: "", features_setting: "" },
    joins_only_after: None,
    finishes_switchovers: false,
    moves: Moves::ByGroup,
    advice: Advice {
        write_quorum_settings: "write-quorum",
        end_temporary_sync: None,
        persistence: Some(("no file", "example on")),
        forget_database: "",
    },
};
