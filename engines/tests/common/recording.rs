//! Writes down what servers answer, for the tests of `interpret`: `make record`. A case is the members' answers at one moment,
//! word for word.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::PATIENCE;

/// Asks until the answers are what the case is about.
pub(crate) async fn ask_until<MemberAnswers: std::fmt::Debug>(
    case: &str,
    ask: impl AsyncFn() -> Vec<MemberAnswers>,
    is_about: impl Fn(&[MemberAnswers]) -> bool,
) -> Vec<MemberAnswers> {
    let begun = Instant::now();
    loop {
        let seen = ask().await;
        if is_about(&seen) {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{case} never came: {seen:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes a case into an engine's `recorded/`. `secret` must not be in it.
pub(crate) fn write<MemberAnswers: Serialize>(engine: &str, case: &str, seen: &[MemberAnswers], secret: Option<&str>) {
    let text = serde_json::to_string_pretty(seen).expect("text");
    assert!(secret.is_none_or(|secret| !text.contains(secret)), "{case}: a password is in it");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(engine).join("recorded");
    fs::write(folder.join(format!("{case}.json")), format!("{text}\n")).expect("a file");
}
