//! `docs/reasons.md`: every reason there is for saying no, made from the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use stateful_engines::{mongodb, postgres, redis};
use stateful_safety::{ConfigViolation, OperatorOwner, Reason, Version, VersionSkew};

use crate::golden::assert_golden;

const HEAD: &str = "# Reasons

Everything `kubectl stateful` and the guard may refuse with. The code is stable: search for it, count it, and where the
last column allows it accept it for one run with `--skip-check CODE`. Made from the code by `tests/architecture`; do not edit.

| code | says, for example | may waiting help? | what to do | may be accepted? |
|---|---|---|---|---|
";

/// One of each. A new reason does not compile until it has a place in [`place`], and then fails here until it is listed.
fn all() -> Vec<Reason> {
    [of_any_database(), of_engines()].concat()
}

fn of_any_database() -> Vec<Reason> {
    let name = |name: &str| name.to_owned();
    let version = |text: &str| Version::parse(text).expect("a version");
    let group = || name("slots 0-5460");
    vec![
        Reason::NotAssessed { why: name("no look at it has ended yet") },
        Reason::Stale { age: 4_200, limit: 3_000 },
        Reason::NotAMember { member: name("redis-6") },
        Reason::NotAnswering { member: name("redis-3"), why: name("connection refused") },
        Reason::MemberAway { group: group(), member: name("redis-3"), why: name("loading its data") },
        Reason::Lagging { member: name("redis-3"), lag: 2_097_152, limit: 1_048_576 },
        Reason::PrimaryTaken { group: group(), member: name("redis-0") },
        Reason::WritesWouldStop { group: group(), left: 1, needed: 2, engine: &redis::PROFILE },
        Reason::QuorumLost { voters_are: name("slot-owning masters"), left: 1, needed: 2 },
        Reason::StorageNotKept { member: name("redis-3"), directory: None },
        Reason::NoPersistence { member: name("redis-3"), engine: &redis::PROFILE },
        Reason::NoSuccessor { group: group() },
        Reason::PodNotReady { member: name("redis-3"), why: name("ImagePullBackOff") },
        Reason::NotASuccessor { to: name("redis-4"), from: name("redis-0") },
        Reason::Release(VersionSkew::OlderSuccessor {
            to: name("redis-3"),
            to_version: version("7.0.15"),
            from_version: version("8.0.2"),
        }),
        Reason::Release(VersionSkew::FilesTooNew {
            member: name("redis-3"),
            version: version("8.0.2"),
            image: name("redis:7.0"),
        }),
        Reason::PlanInProgress { holder: name("ana@laptop (upgrade, process 42)") },
        Reason::NotReserved { why: name("the API server cannot be reached") },
        Reason::OnlyCopy { group: name("the replica group"), member: name("redis-0") },
        Reason::Late { member: name("redis-3"), seconds: Some(42), limit: 10 },
        Reason::Release(VersionSkew::AnotherRelease {
            member: name("postgres-1"),
            version: version("15.18"),
            image: name("postgres:17.12"),
            engine: &postgres::PROFILE,
        }),
        Reason::NotElectable { to: name("mongo-2") },
        Reason::Release(VersionSkew::ReleaseSkipped {
            member: name("mongo-0"),
            version: version("5.0.4"),
            image: name("mongo:7.0"),
            engine: &mongodb::PROFILE,
        }),
        Reason::Release(VersionSkew::NotFinalized {
            features: version("5.0"),
            version: version("6.0.27"),
            engine: &mongodb::PROFILE,
        }),
        Reason::Release(VersionSkew::ReleasesMixed {
            member: name("mongo-1"),
            version: Some(version("5.0.4")),
            release: version("6.0"),
        }),
        Reason::JoinsNotByItself {
            member: name("mongo-3"),
            why: name("it must be taken into the set's configuration (rs.add)"),
        },
        Reason::OperatorRunsIt {
            operated: OperatorOwner {
                group: "psmdb.percona.com".to_owned(),
                kind: "PerconaServerMongoDB".to_owned(),
                name: "shop".to_owned(),
            },
        },
        Reason::CanaryUnwell { told: name("148 acknowledged, 2 failed, 0 unknown, 0 lost") },
        Reason::RolloutUnknown { strategy: name("Recreate") },
        Reason::Declared(ConfigViolation::BudgetsOverlap {
            budget: name("redis"),
            other: name("release-wide"),
            database: name("redis"),
        }),
        Reason::Declared(ConfigViolation::NeverDrainable {
            budget: name("redis"),
            says: name("minAvailable 100%"),
            pods: 3,
        }),
    ]
}

/// What the engines' tables of conditions hold, each row with its example.
fn of_engines() -> Vec<Reason> {
    let rows = stateful_engines::ENGINES.iter().flat_map(|engine| engine.conditions);
    rows.map(|condition| Reason::Blocked(condition.example())).collect()
}

/// A number for each variant, so that none is forgotten: no `_` here.
const fn place(reason: &Reason) -> usize {
    match reason {
        Reason::NotAssessed { .. } => 0,
        Reason::Stale { .. } => 1,
        Reason::NotAMember { .. } => 2,
        Reason::NotAnswering { .. } => 3,
        Reason::MemberAway { .. } => 4,
        Reason::Lagging { .. } => 5,
        Reason::PrimaryTaken { .. } => 6,
        Reason::WritesWouldStop { .. } => 7,
        Reason::QuorumLost { .. } => 8,
        Reason::StorageNotKept { .. } => 9,
        Reason::NoPersistence { .. } => 10,
        Reason::NoSuccessor { .. } => 11,
        Reason::PodNotReady { .. } => 12,
        Reason::NotASuccessor { .. } => 13,
        Reason::Release(VersionSkew::OlderSuccessor { .. }) => 14,
        Reason::Release(VersionSkew::FilesTooNew { .. }) => 15,
        Reason::PlanInProgress { .. } => 16,
        Reason::NotReserved { .. } => 17,
        Reason::OnlyCopy { .. } => 18,
        Reason::Late { .. } => 19,
        Reason::Release(VersionSkew::AnotherRelease { .. }) => 20,
        Reason::NotElectable { .. } => 21,
        Reason::Release(VersionSkew::ReleaseSkipped { .. }) => 22,
        Reason::Release(VersionSkew::NotFinalized { .. }) => 23,
        Reason::Release(VersionSkew::ReleasesMixed { .. }) => 24,
        Reason::JoinsNotByItself { .. } => 25,
        Reason::OperatorRunsIt { .. } => 26,
        Reason::CanaryUnwell { .. } => 27,
        Reason::RolloutUnknown { .. } => 28,
        Reason::Declared(ConfigViolation::BudgetsOverlap { .. }) => 29,
        Reason::Declared(ConfigViolation::NeverDrainable { .. }) => 30,
        Reason::Blocked(_) | Reason::Declared(_) => 31,
    }
}

/// Whether no `{name}` is left in a text.
fn is_filled(text: &str) -> bool {
    let mut names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    !names.any(|name| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'))
}

#[test]
fn every_reason_is_listed_here() {
    let places: Vec<usize> = of_any_database().iter().map(place).collect();
    assert_eq!(places, (0..places.len()).collect::<Vec<_>>(), "list each reason once, in the order of `place`");
}

#[test]
fn every_reason_has_a_code_of_its_own_and_says_what_to_do() {
    let mut codes = BTreeMap::new();
    for reason in of_any_database() {
        let before = codes.insert(reason.code(), reason.to_string());
        assert_eq!(before, None, "{} is there twice", reason.code());
    }
    for reason in all() {
        let code = reason.code();
        assert!(code.starts_with("STF-") && code.len() == "STF-DB-001".len(), "{code}");
        assert!(!reason.next_step("redis -n shop").is_empty(), "{code}");
        let in_own_namespace = reason.next_step("redis");
        assert!(!in_own_namespace.contains("-n ") && !in_own_namespace.contains("  "), "{code}: {in_own_namespace}");
    }
    for reason in of_engines() {
        let (said, step) = (reason.to_string(), reason.next_step("redis -n shop"));
        assert!(!codes.contains_key(reason.code()), "{} is a reason of every engine", reason.code());
        assert!(is_filled(&said) && is_filled(&step), "a value is not filled in: {said}; {step}");
    }
}

#[test]
fn what_could_lose_writes_may_never_be_accepted() {
    let may: BTreeSet<&str> = all().iter().filter(|reason| reason.may_be_accepted()).map(Reason::code).collect();
    let may: Vec<&str> = may.into_iter().collect();
    // Writes that wait: none of them is acknowledged. No persistence: the data may be worth nothing to its owner. A snapshot
    // running: a switchover only takes longer. A balancer: a chunk changes hands when a majority of both shards has it. A backup
    // that may run: it would break off and be made anew.
    assert_eq!(may, ["STF-DB-008", "STF-DB-011", "STF-DB-019", "STF-MG-008", "STF-MG-009", "STF-MG-012"]);
}

/// The database that a reason's example is about, as one types it: a command that is copied from the page should fit its row.
fn target(reason: &Reason) -> &'static str {
    let (code, said) = (reason.code(), reason.to_string());
    let engines = [("STF-MG", "mongo"), ("STF-PG", "postgres"), ("STF-CD", "couchdb")];
    engines
        .iter()
        .find(|(prefix, name)| code.starts_with(prefix) || said.contains(name))
        .map_or("redis", |(_, name)| name)
}

#[test]
fn the_document_says_what_the_code_says() {
    // Engines that share a condition may each have their own next step for it; rows that differ in words alone are one here.
    let step = |reason: &Reason| reason.next_step(&format!("{} -n shop", target(reason)));
    let mut rows: BTreeMap<(&str, String), Reason> = BTreeMap::new();
    for reason in all() {
        rows.entry((reason.code(), step(&reason))).or_insert(reason);
    }
    let mut text = HEAD.to_owned();
    for ((code, step), reason) in rows {
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        let (waits, accepted) = (yes(reason.may_pass()), yes(reason.may_be_accepted()));
        writeln!(text, "| `{code}` | {reason} | {waits} | {step} | {accepted} |").expect("text");
    }
    text.push_str(&crate::flaws::table());
    text.push_str(&crate::warnings::table());
    assert_golden("docs/reasons.md", &text);
}
