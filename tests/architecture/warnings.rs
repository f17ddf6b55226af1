//! The last table of `docs/reasons.md`: what `check` warns of, and no verb refuses.

use std::collections::BTreeMap;
use std::fmt::Write;

use stateful_safety::Warning;

const HEAD: &str = "
## Warnings

What `kubectl stateful check` tells beside them; nothing is refused for it.

| code | says, for example | what to do |
|---|---|---|
";

/// One of each, in the order of [`place`].
fn all() -> Vec<Warning> {
    let name = |name: &str| name.to_owned();
    vec![
        Warning::NoBackup { looked_at: name("Jobs, CronJobs") },
        Warning::BackupOld { what: name("cronjob/redis-backup"), hours: 31, limit: 24 },
        Warning::BackupFailed {
            what: name("job/redis-backup-2"),
            why: name("Job has reached the specified backoff limit"),
        },
    ]
}

/// A number for each variant, so that none is forgotten: no `_` here.
const fn place(warning: &Warning) -> usize {
    match warning {
        Warning::NoBackup { .. } => 0,
        Warning::BackupOld { .. } => 1,
        Warning::BackupFailed { .. } => 2,
    }
}

/// The table, for `docs/reasons.md`.
pub(crate) fn table() -> String {
    let rows: BTreeMap<&str, Warning> = all().iter().map(Warning::code).zip(all()).collect();
    let mut text = HEAD.to_owned();
    for (code, warning) in rows {
        writeln!(text, "| `{code}` | {warning} | {} |", warning.next_step("redis -n shop")).expect("text");
    }
    text
}

#[test]
fn every_warning_is_listed_here_and_has_a_code_of_its_own() {
    let places: Vec<usize> = all().iter().map(place).collect();
    assert_eq!(places, (0..places.len()).collect::<Vec<_>>(), "list each warning once, in the order of `place`");
    let mut codes: Vec<&str> = all().iter().map(Warning::code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all().len());
    assert!(codes.iter().all(|code| code.starts_with("STF-BK-")), "{codes:?}");
}
