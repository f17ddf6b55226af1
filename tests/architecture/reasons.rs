//! `docs/reasons.md`: every reason there is for saying no, made from the code.

use std::collections::BTreeMap;
use std::fmt::Write;

use stateful_engines::{mongodb, postgres, redis};
use stateful_safety::{Blocker, OperatorOwner, Part, Reason, Sharded, Unsettled, Version, VersionSkew};

use crate::golden::assert_golden;

const HEAD: &str = "# Reasons

Everything `kubectl stateful` and the guard may refuse with. The code is stable: search for it, count it, and where the
last column allows it accept it for one run with `--skip-check CODE`. Made from the code by `tests/architecture`; do not edit.

| code | says, for example | may waiting help? | what to do | may be accepted? |
|---|---|---|---|---|
";

/// One of each. A new reason does not compile until it has a place in [`place`], and then fails here until it is listed.
fn all() -> Vec<Reason> {
    [of_any_database(), of_clusters()].concat()
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
        Reason::StorageNotKept { member: name("redis-3") },
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
        Reason::Blocked(Blocker::ViewsDisagree {
            member: name("redis-1"),
            about: name("redis-3 is marked fail?, but it answers"),
        }),
        Reason::Blocked(Blocker::Stranger { who: name("07c37df at 10.0.0.9") }),
        Reason::Blocked(Blocker::NoSinglePrimary { group: name("the replica group"), primaries: 2 }),
        Reason::Blocked(Blocker::SnapshotRunning { member: name("redis-0"), what: name("RDB snapshot") }),
        Reason::Blocked(Blocker::RoleNotKept { member: name("redis-1") }),
        Reason::Blocked(Blocker::SlotsUncovered { covered: 10_923 }),
        Reason::Blocked(Blocker::MigrationRunning { member: name("redis-0"), slots: 12 }),
        Reason::PlanInProgress { holder: name("ana@laptop (upgrade, process 42)") },
        Reason::NotReserved { why: name("the API server cannot be reached") },
        Reason::OnlyCopy { group: name("the replica group"), member: name("redis-0") },
        Reason::Late { member: name("redis-3"), seconds: Some(42), limit: 10 },
        Reason::Blocked(Blocker::TransactionOpen {
            member: name("postgres-0"),
            process: name("4711"),
            seconds: name("42"),
        }),
        Reason::Blocked(Blocker::TransactionPrepared { member: name("postgres-0"), transaction: name("order-17") }),
        Reason::Blocked(Blocker::BackupRunning { member: name("postgres-1"), phase: name("streaming database files") }),
        Reason::Blocked(Blocker::SlotLost {
            member: name("postgres-0"),
            slot: name("postgres_2"),
            status: name("lost"),
        }),
        Reason::Blocked(Blocker::SlotNotCarried { member: name("postgres-0"), slot: name("search") }),
        Reason::Blocked(Blocker::ReplayPaused { member: name("postgres-1") }),
        Reason::Blocked(Blocker::LedByOther { member: name("postgres-0"), by: name("repmgr") }),
        Reason::Release(VersionSkew::AnotherRelease {
            member: name("postgres-1"),
            version: version("15.18"),
            image: name("postgres:17.12"),
            engine: &postgres::PROFILE,
        }),
        Reason::NotElectable { to: name("mongo-2") },
        Reason::Blocked(Blocker::Busy { member: name("mongo-0"), what: name("an index build") }),
        Reason::Blocked(Blocker::WritesLocked { member: name("mongo-2") }),
        Reason::Blocked(Blocker::HistoryShort { member: name("mongo-1"), seconds: 42, limit: 300 }),
        Reason::Blocked(Blocker::FeaturesDiffer {
            member: name("mongo-1"),
            says: name("5.0"),
            primary_says: name("6.0"),
        }),
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
    ]
}

fn of_clusters() -> Vec<Reason> {
    let name = |name: &str| name.to_owned();
    let shard = || Part::Shard { name: Some(name("shop-a")) };
    vec![
        unsettled(Unsettled::MaintenanceMode { member: name("couchdb-1"), mode: name("nolb") }),
        unsettled(Unsettled::NotJoined { member: name("couchdb-0"), node: name("couchdb@couchdb-3.couchdb") }),
        unsettled(Unsettled::CatchingUp { member: name("couchdb-0"), jobs: 12 }),
        unsettled(Unsettled::ShardShort { shard: name("shop 00000000-7fffffff"), copies: 2, wanted: 3 }),
        unsettled(Unsettled::Resharding { member: name("couchdb-0"), jobs: 3 }),
        Reason::Sharded(Sharded::BalancerOn {
            part: Part::ConfigServers { shards: vec![name("shop-a"), name("shop-b")] },
        }),
        Reason::Sharded(Sharded::BalancerUnknown { part: shard() }),
        Reason::Sharded(Sharded::ChunkMoving { part: shard(), of: name("shop.orders") }),
        Reason::Sharded(Sharded::FinalByRouter { part: shard(), release: name("6.0") }),
        Reason::Blocked(Blocker::BackupsUnknown { member: name("mongo-0"), what: name("admin.pbmLock") }),
        Reason::CanaryUnwell { told: name("148 acknowledged, 2 failed, 0 unknown, 0 lost") },
        Reason::Blocked(Blocker::MajorityBehind { member: name("mongo-0"), milliseconds: Some(1_042), limit: 1_000 }),
    ]
}

const fn unsettled(unsettled: Unsettled) -> Reason {
    Reason::Blocked(Blocker::Unsettled(unsettled))
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
        Reason::Blocked(Blocker::ViewsDisagree { .. }) => 16,
        Reason::Blocked(Blocker::Stranger { .. }) => 17,
        Reason::Blocked(Blocker::NoSinglePrimary { .. }) => 18,
        Reason::Blocked(Blocker::SnapshotRunning { .. }) => 19,
        Reason::Blocked(Blocker::RoleNotKept { .. }) => 20,
        Reason::Blocked(Blocker::SlotsUncovered { .. }) => 21,
        Reason::Blocked(Blocker::MigrationRunning { .. }) => 22,
        Reason::PlanInProgress { .. } => 23,
        Reason::NotReserved { .. } => 24,
        Reason::OnlyCopy { .. } => 25,
        Reason::Late { .. } => 26,
        Reason::Blocked(Blocker::TransactionOpen { .. }) => 27,
        Reason::Blocked(Blocker::TransactionPrepared { .. }) => 28,
        Reason::Blocked(Blocker::BackupRunning { .. }) => 29,
        Reason::Blocked(Blocker::SlotLost { .. }) => 30,
        Reason::Blocked(Blocker::SlotNotCarried { .. }) => 31,
        Reason::Blocked(Blocker::ReplayPaused { .. }) => 32,
        Reason::Blocked(Blocker::LedByOther { .. }) => 33,
        Reason::Release(VersionSkew::AnotherRelease { .. }) => 34,
        Reason::NotElectable { .. } => 35,
        Reason::Blocked(Blocker::Busy { .. }) => 36,
        Reason::Blocked(Blocker::WritesLocked { .. }) => 37,
        Reason::Blocked(Blocker::HistoryShort { .. }) => 38,
        Reason::Blocked(Blocker::FeaturesDiffer { .. }) => 39,
        Reason::Release(VersionSkew::ReleaseSkipped { .. }) => 40,
        Reason::Release(VersionSkew::NotFinalized { .. }) => 41,
        Reason::Release(VersionSkew::ReleasesMixed { .. }) => 42,
        Reason::JoinsNotByItself { .. } => 43,
        Reason::OperatorRunsIt { .. } => 44,
        Reason::Blocked(Blocker::Unsettled(Unsettled::MaintenanceMode { .. })) => 45,
        Reason::Blocked(Blocker::Unsettled(Unsettled::NotJoined { .. })) => 46,
        Reason::Blocked(Blocker::Unsettled(Unsettled::CatchingUp { .. })) => 47,
        Reason::Blocked(Blocker::Unsettled(Unsettled::ShardShort { .. })) => 48,
        Reason::Blocked(Blocker::Unsettled(Unsettled::Resharding { .. })) => 49,
        Reason::Sharded(Sharded::BalancerOn { .. }) => 50,
        Reason::Sharded(Sharded::BalancerUnknown { .. }) => 51,
        Reason::Sharded(Sharded::ChunkMoving { .. }) => 52,
        Reason::Sharded(Sharded::FinalByRouter { .. }) => 53,
        Reason::Blocked(Blocker::BackupsUnknown { .. }) => 54,
        Reason::CanaryUnwell { .. } => 55,
        Reason::Blocked(Blocker::MajorityBehind { .. }) => 56,
    }
}

#[test]
fn every_reason_is_listed_here() {
    let places: Vec<usize> = all().iter().map(place).collect();
    assert_eq!(places, (0..places.len()).collect::<Vec<_>>(), "list each reason once, in the order of `place`");
}

#[test]
fn every_reason_has_a_code_of_its_own_and_says_what_to_do() {
    let mut codes = BTreeMap::new();
    for reason in all() {
        let code = reason.code();
        assert!(code.starts_with("STF-") && code.len() == "STF-DB-001".len(), "{code}");
        let before = codes.insert(code, reason.to_string());
        assert_eq!(before, None, "{code} is there twice");
        assert!(!reason.next_step("redis -n shop").is_empty(), "{code}");
    }
}

#[test]
fn what_could_lose_writes_is_accepted_by_nobody() {
    let may: Vec<&str> = all().iter().filter(|reason| reason.may_be_accepted()).map(Reason::code).collect();
    // Writes that wait: none of them is acknowledged. No persistence: the data may be worth nothing to its owner. A snapshot
    // running: a switchover only takes longer. A balancer: a chunk changes hands when a majority of both shards has it. A backup
    // that may run: it would break off and be made anew.
    assert_eq!(may, ["STF-DB-008", "STF-DB-011", "STF-DB-019", "STF-MG-008", "STF-MG-009", "STF-MG-012"]);
}

#[test]
fn the_document_says_what_the_code_says() {
    let rows: BTreeMap<&str, Reason> = all().iter().map(Reason::code).zip(all()).collect();
    let mut text = HEAD.to_owned();
    for (code, reason) in rows {
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        let (waits, accepted) = (yes(reason.may_pass()), yes(reason.may_be_accepted()));
        let step = reason.next_step("redis -n shop");
        writeln!(text, "| `{code}` | {reason} | {waits} | {step} | {accepted} |").expect("text");
    }
    text.push_str(&crate::flaws::table());
    text.push_str(&crate::warnings::table());
    assert_golden("docs/reasons.md", &text);
}
