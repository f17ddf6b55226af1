//! The second half of `docs/reasons.md`: everything that can be wrong with a declared object, made from the code.

use std::collections::BTreeMap;
use std::fmt::Write;

use stateful_safety::ConfigViolation;

const HEAD: &str = "
## Declared objects

What the guard finds in budgets, StatefulSets, claims, volumes and storage classes of guarded namespaces. An object that
was as bad before may still be edited: then it warns.

| code | says, for example | the guard | what to do |
|---|---|---|---|
";

/// One of each. A new flaw does not compile until it has a place in [`place`], and then fails here until it is listed.
fn all() -> Vec<ConfigViolation> {
    let redis = || "redis".to_owned();
    let says = |text: &str| text.to_owned();
    let (budget, database, set) = (redis, redis, redis);
    vec![
        ConfigViolation::BudgetsOverlap { budget: budget(), other: says("redis-old"), database: database() },
        ConfigViolation::NeverDrainable { budget: budget(), says: says("maxUnavailable 0"), pods: 3 },
        ConfigViolation::MajorityLost {
            budget: budget(),
            says: says("maxUnavailable 50%"),
            database: database(),
            left: 1,
            needed: 2,
        },
        ConfigViolation::SelectsNothing { budget: budget() },
        ConfigViolation::SharedBudget { budget: budget(), databases: vec![says("cart"), says("sessions")] },
        ConfigViolation::BrokenPodsKept { budget: budget() },
        ConfigViolation::BudgetUnreadable { budget: budget(), why: says("half is no amount") },
        ConfigViolation::ClaimsNotKept { set: set(), field: says("whenScaled"), says: says("Delete") },
        ConfigViolation::DatabaseRuns { set: set(), running: 3 },
        ConfigViolation::ClaimInUse { claim: says("data-redis-3"), member: says("redis-3") },
        ConfigViolation::VolumeNotKept {
            volume: says("pvc-7"),
            claim: says("shop/data-redis-3"),
            says: says("Delete"),
        },
        ConfigViolation::ClassNotKeeping { class: says("fast"), says: says("Delete") },
    ]
}

/// A number for each variant, so that none is forgotten: no `_` here.
const fn place(flaw: &ConfigViolation) -> usize {
    match flaw {
        ConfigViolation::BudgetsOverlap { .. } => 0,
        ConfigViolation::NeverDrainable { .. } => 1,
        ConfigViolation::MajorityLost { .. } => 2,
        ConfigViolation::SelectsNothing { .. } => 3,
        ConfigViolation::SharedBudget { .. } => 4,
        ConfigViolation::BrokenPodsKept { .. } => 5,
        ConfigViolation::BudgetUnreadable { .. } => 6,
        ConfigViolation::ClaimsNotKept { .. } => 7,
        ConfigViolation::DatabaseRuns { .. } => 8,
        ConfigViolation::ClaimInUse { .. } => 9,
        ConfigViolation::VolumeNotKept { .. } => 10,
        ConfigViolation::ClassNotKeeping { .. } => 11,
    }
}

/// The table, for `docs/reasons.md`.
pub(crate) fn table() -> String {
    let rows: BTreeMap<&str, ConfigViolation> = all().iter().map(ConfigViolation::code).zip(all()).collect();
    let mut text = HEAD.to_owned();
    for (code, flaw) in rows {
        let answer = if flaw.is_refused() { "refuses" } else { "warns" };
        writeln!(text, "| `{code}` | {flaw} | {answer} | {} |", flaw.next_step(" -n shop")).expect("text");
    }
    text
}

#[test]
fn every_flaw_is_listed_here() {
    let places: Vec<usize> = all().iter().map(place).collect();
    assert_eq!(places, (0..places.len()).collect::<Vec<_>>(), "list each flaw once, in the order of `place`");
}

#[test]
fn every_flaw_has_a_code_of_its_own_and_a_command_to_type() {
    let mut codes = BTreeMap::new();
    for flaw in all() {
        let code = flaw.code();
        assert!(code.starts_with("STF-BG-") || code.starts_with("STF-ST-"), "{code}");
        assert_eq!(codes.insert(code, flaw.to_string()), None, "{code} is there twice");
        assert!(flaw.next_step(" -n shop").contains("kubectl "), "{code} says what to type");
        for said in [flaw.to_string(), flaw.next_step(" -n shop")] {
            assert!(!said.contains('\n'), "{code} is one line");
        }
    }
}
