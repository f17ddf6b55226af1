//! What stand-ins said (`recorded/`, made by `tests/couchdb-stand-in`), and what it means. What no stand-in can be brought to
//! say is said in its place: one answer is changed, and the test shows which.

use std::path::Path;

use serde_json::{Value, json};
use stateful_safety::{Assessment, Role, Sync};

use super::interpret;
use crate::couchdb::{Answers, MemberAnswers};

fn recorded(case: &str) -> Vec<MemberAnswers> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/couchdb/recorded/stand-in-{case}.json"));
    let text = std::fs::read_to_string(&path).expect("a recorded case");
    serde_json::from_str(&text).expect("what was recorded is what is read")
}

fn in_words(assessment: &Assessment) -> String {
    let mut lines = vec![assessment.topology.clone()];
    for group in &assessment.groups {
        let members = group.members.iter().map(|member| {
            let sync = match &member.sync {
                Sync::InSync { .. } => "in sync",
                Sync::Behind { why } | Sync::Unreachable { why } => why,
            };
            assert_eq!(
                (member.role, member.is_electable()),
                (Role::Peer, false),
                "a node of CouchDB is never a primary"
            );
            format!("{} {sync}", member.name)
        });
        let members: Vec<String> = members.collect();
        lines.push(format!("{} (a write needs {}): {}", group.name, group.write_quorum, members.join("; ")));
    }
    lines.extend(assessment.blockers.iter().map(|blocker| format!("! {blocker}")));
    lines.join("\n")
}

fn assert_means(seen: &[MemberAnswers], expected: &[&str]) {
    assert_eq!(in_words(&interpret(seen, 1)), expected.join("\n"));
}

/// The healthy case, with something else said by one of them.
fn said_instead(number: usize, change: impl Fn(&mut Answers)) -> Vec<MemberAnswers> {
    let mut seen = recorded("healthy");
    change(seen[number].answer.as_mut().expect("it answers"));
    seen
}

const THREE: &str = "cluster of 3";
const ALL_WELL: &str = "every shard (a write needs 2): couchdb-0 in sync; couchdb-1 in sync; couchdb-2 in sync";

fn node(number: usize) -> String {
    format!("couchdb@couchdb-{number}.couchdb")
}

#[test]
fn three_healthy_nodes_are_equals_and_a_write_needs_two_of_three_copies() {
    let seen = recorded("healthy");
    assert_means(&seen, &[THREE, ALL_WELL]);
    let assessment = interpret(&seen, 1);
    assert!(assessment.groups[0].primary().is_none() && !assessment.groups[0].lacks_primary());
    let members = &assessment.groups[0].members;
    assert!(members.iter().all(|member| member.version.is_some() && member.lag_seconds == Some(0)), "{members:?}");
}

#[test]
fn nodes_without_a_shard_are_members_all_the_same() {
    let bare = "nodes without shards (a write needs 0): couchdb-0 in sync; couchdb-1 in sync; couchdb-2 in sync";
    assert_means(&recorded("no-databases"), &[THREE, bare]);
}

#[test]
fn a_database_of_single_copies_makes_groups_of_its_own() {
    let assessment = interpret(&recorded("a-database-of-single-copies"), 1);
    let single: Vec<_> = assessment.groups.iter().filter(|group| group.members.len() == 1).collect();
    assert_eq!(single.len(), 2, "{:?}", assessment.groups);
    assert!(single.iter().all(|group| group.write_quorum == 1 && group.name.starts_with("single ")), "{single:?}");
    assert!(assessment.groups.iter().any(|group| group.members.len() == 3), "{:?}", assessment.groups);
}

#[test]
fn a_member_that_is_away_is_the_only_finding() {
    let seen = recorded("one-is-away");
    let why = seen[2].answer.as_ref().expect_err("it is away");
    let group = format!("every shard (a write needs 2): couchdb-0 in sync; couchdb-1 in sync; couchdb-2 {why}");
    assert_means(&seen, &[THREE, &group]);
    assert_eq!(interpret(&seen, 1).groups[0].members[0].lag_seconds, None, "how much the third lacks is not known");
}

#[test]
fn a_node_with_no_balancer_still_holds_its_copies_and_one_in_maintenance_does_not() {
    let nolb = "! couchdb-1 is in maintenance mode (nolb): load balancers must send it no clients";
    assert_means(&recorded("maintenance-nolb"), &[THREE, ALL_WELL, nolb]);
    let group = "every shard (a write needs 2): couchdb-0 in sync; couchdb-1 it is in maintenance mode (true); couchdb-2 \
                 in sync";
    let maintenance = "! couchdb-1 is in maintenance mode (true): it takes part in no clustered request";
    assert_means(&recorded("maintenance-true"), &[THREE, group, maintenance]);
}

#[test]
fn a_node_that_is_not_up_is_behind() {
    for (status, body, says) in [(404, json!({"status": "seeding"}), "seeding"), (500, json!(null), "500")] {
        let seen = said_instead(2, |own| {
            own.up.status = status;
            own.up.body.clone_from(&body);
        });
        let group = format!(
            "every shard (a write needs 2): couchdb-0 in sync; couchdb-1 in sync; couchdb-2 its _up says {says}"
        );
        assert_means(&seen, &[THREE, &group]);
    }
}

#[test]
fn changes_still_to_replicate_are_counted_and_a_node_that_does_not_say_has_some() {
    for (jobs, says) in [(json!(3), 3), (Value::Null, 1)] {
        let seen = said_instead(0, |own| own.system["internal_replication_jobs"].clone_from(&jobs));
        let blocker = format!(
            "! couchdb-0 has {says} jobs of internal replication to do, the limit is 0: other copies may lack changes"
        );
        assert_means(&seen, &[THREE, ALL_WELL, &blocker]);
    }
}

#[test]
fn shards_being_split_are_reported_once() {
    let seen = said_instead(1, |own| own.reshard["running"] = json!(2));
    assert_means(&seen, &[THREE, ALL_WELL, "! shards are being split: 2 jobs run, says couchdb-1"]);
}

#[test]
fn a_connected_node_that_has_not_joined_is_named() {
    let stray = "couchdb@stray.couchdb";
    let seen = said_instead(0, |own| own.membership["all_nodes"].as_array_mut().expect("a list").push(json!(stray)));
    let blocker = "! couchdb@stray.couchdb is connected to couchdb-0 (all_nodes) but does not belong to the cluster (cluster_nodes)";
    assert_means(&seen, &[THREE, ALL_WELL, blocker]);
}

#[test]
fn a_node_of_the_cluster_that_is_no_pod_here_is_a_stranger() {
    let mut seen = recorded("healthy");
    seen.truncate(2); // two replicas are declared, and the third node was never removed
    let assessment = interpret(&seen, 1);
    let words = in_words(&assessment);
    assert!(
        words.contains("! the database lists couchdb@couchdb-2.couchdb, which is no pod of this workload"),
        "{words}"
    );
    assert!(words.contains("has copies on 2 members, its database is to have 3"), "{words}");
    assert_eq!(assessment.groups[0].write_quorum, 2, "a write asks for two of three, wherever the third is");
}

#[test]
fn a_shard_with_a_copy_too_few_is_named() {
    let short = |seen: &mut MemberAnswers| {
        let own = seen.answer.as_mut().expect("it answers");
        own.shard_maps["rows"][0]["doc"]["by_range"]["00000000-7fffffff"] = json!([node(0), node(1)]);
    };
    let mut seen = recorded("healthy");
    seen.iter_mut().for_each(short);
    assert_means(
        &seen,
        &[
            THREE,
            "shop 00000000-7fffffff (a write needs 2): couchdb-0 in sync; couchdb-1 in sync",
            "shop 80000000-ffffffff (a write needs 2): couchdb-0 in sync; couchdb-1 in sync; couchdb-2 in sync",
            "! shard shop 00000000-7fffffff has copies on 2 members, its database is to have 3",
        ],
    );
}

#[test]
fn nodes_that_contradict_each_other_are_reported() {
    let disagree = |seen: &[MemberAnswers], says: &str| {
        let words = in_words(&interpret(seen, 1));
        assert!(words.contains(&format!("! the members do not agree: {says}")), "{says}: {words}");
    };
    let seen = said_instead(1, |own| own.membership["all_nodes"] = json!([node(1)]));
    disagree(&seen, "couchdb-1 says couchdb@couchdb-0.couchdb is not connected, but it answers");
    let seen = said_instead(2, |own| own.membership["cluster_nodes"] = json!([node(1), node(2)]));
    disagree(&seen, "couchdb-2 says couchdb@couchdb-0.couchdb is no part of the cluster");
    let seen = said_instead(2, |own| own.shard_maps["rows"] = json!([]));
    disagree(&seen, "couchdb-2 says the shards of shop are elsewhere, or there are none");
}

#[test]
fn a_node_that_never_joined_is_behind_and_is_not_asked_for_the_other_nodes() {
    let seen = said_instead(0, |own| {
        own.membership = json!({"all_nodes": [node(0)], "cluster_nodes": []});
        own.shard_maps["rows"] = json!([]);
    });
    let words = in_words(&interpret(&seen, 1));
    assert!(words.contains("couchdb-0 it has not joined the cluster"), "{words}");
    assert!(words.starts_with(THREE) && words.contains("every shard"), "{words}");
}

#[test]
fn while_no_member_answers_any_shard_may_be_anywhere() {
    let mut seen = recorded("healthy");
    for member in &mut seen {
        member.answer = Err("connection refused".to_owned());
    }
    let assessment = interpret(&seen, 1);
    assert_eq!((assessment.groups[0].name.as_str(), assessment.groups[0].write_quorum), ("the cluster", 2));
    assert_eq!(assessment.topology, "unknown: no member answers");
}

#[test]
fn what_is_left_of_a_cluster_says_who_is_missing() {
    let words = in_words(&interpret(&recorded("one-alone"), 1));
    assert!(words.contains("couchdb-0 its _up says seeding"), "{words}");
    assert!(words.matches("refused").count() >= 2, "{words}");
}
