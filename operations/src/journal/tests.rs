//! A journal that a version before the names changed has written is still read, and still resumed.

use super::{State, read};
use crate::Goal;
use crate::steps::{Step, SwitchOver};

/// As f203f8a wrote it: `renew`, `handOver`, `beginSynchrony` and the rest of the names of that time.
const OLD: &[&str] = &[
    r#"{"at":1000,"event":"opened","verb":"upgrade","by":"me@host","tool":"0.1.0","plan":{"format":1,"workload":{"namespace":"shop","name":"db"},"uid":"u","engine":"postgresql","topology":"primary with standbys","goal":{"renew":{"change":{"image":{"container":"db","image":"postgres:17.6"}},"restore_primaries":false,"repair":false,"surge":"no"}},"pattern":"rolling-replace","origin":{"image":"postgres:17.5","rollout":{"rollingUpdate":{"partition":0}},"primaries":["db-0"],"replicas":3},"image":"postgres:17.5","members":[],"steps":["holdRollout",{"changeTemplate":{"change":{"image":{"container":"db","image":"postgres:17.6"}}}},"beginSynchrony",{"replace":{"member":"db-1"}},{"handOver":{"group":"main","from":"db-0","to":"db-1"}},{"route":{"services":["db"],"to":"db-1"}},"endSynchrony",{"releaseRollout":{"before":{"rollingUpdate":{"partition":0}}}}],"boundary":null}}"#,
    r#"{"at":1001,"event":"acting","step":4,"attempt":1}"#,
];

/// The lines as this version writes them today; what was written before must stay the same, name by name.
fn opened_again() -> String {
    let entry = read("1", &[OLD[0].to_owned()]).expect("an old journal is read");
    serde_json::to_string(&entry.plan).expect("a plan is written")
}

#[test]
fn a_journal_of_an_older_version_is_read_and_its_open_switchover_is_known() {
    let lines: Vec<String> = OLD.iter().map(ToString::to_string).collect();
    let entry = read("1", &lines).expect("an old journal is read");
    assert_eq!(entry.state, State::Acting(4));
    assert!(entry.state.is_open());
    assert!(matches!(entry.plan.goal, Goal::Upgrade { .. }));
    assert_eq!(entry.plan.steps[2], Step::BeginTemporarySync);
    let switchover = SwitchOver { group: "main".to_owned(), from: "db-0".to_owned(), to: "db-1".to_owned() };
    assert_eq!(entry.open_switchover, Some(switchover.into()));
}

#[test]
fn a_plan_is_written_with_the_names_it_always_had() {
    let written = opened_again();
    for name in ["\"renew\"", "\"handOver\"", "\"beginSynchrony\"", "\"endSynchrony\"", "\"holdRollout\""] {
        assert!(written.contains(name), "{name} is missing: {written}");
    }
    assert!(OLD[0].ends_with(&format!("{written}}}")), "{written}");
}

/// What the binary built from f203f8a had written when it was killed in a switchover, on a cluster. This version has resumed that very
/// operation there.
const RECORDED: &str = include_str!("recorded/upgrade-killed-in-a-switchover.jsonl");

#[test]
fn an_operation_that_an_older_binary_began_is_known_as_far_as_it_came() {
    let lines: Vec<String> = RECORDED.lines().map(ToOwned::to_owned).collect();
    let entry = read("1", &lines).expect("an old journal is read");
    assert_eq!(entry.state, State::Acting(4));
    assert!(matches!(entry.plan.goal, Goal::Upgrade { .. }));
    assert_eq!((entry.plan.origin.image.as_str(), entry.plan.boundary), ("localhost/stateful/redis:7.0", Some(2)));
    let (from, to) = ("redis-0".to_owned(), "redis-1".to_owned());
    let switchover = SwitchOver { group: "the replica group".to_owned(), from, to };
    assert_eq!(entry.plan.steps[4], Step::SwitchOver(switchover.clone()));
    assert_eq!(entry.open_switchover, Some(switchover.into()));
    let begun = lines[0].split_once("\"plan\":").expect("a plan").1;
    let written = serde_json::to_string(&entry.plan).expect("a plan is written");
    assert_eq!(begun.strip_suffix('}'), Some(written.as_str()), "it is written as it was");
}
