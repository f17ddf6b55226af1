//! What real servers said (`recorded/`, made by `record.rs` of this crate's tests), and what it means.

mod clusters;
mod majority;

use std::path::Path;

use mongodb::bson::{Document, doc};
use stateful_safety::{Assessment, MemberState, Role, Sync, Version};

use super::interpret;
use crate::mongodb::{MemberAnswers, Withheld};

fn recorded(case: &str) -> Vec<MemberAnswers> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/mongodb/recorded/6.0-{case}.json"));
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
            let never = if member.is_electable() { "" } else { ", never leads" };
            format!("{} {}, {sync}{never}", member.name, member.role)
        });
        let members: Vec<String> = members.collect();
        lines.push(format!("{} (a write needs {}): {}", group.name, group.write_quorum, members.join("; ")));
    }
    for quorum in &assessment.quorums {
        lines.push(format!("{} of {}: {}", quorum.needed, quorum.voters_are, quorum.live.join(", ")));
    }
    // What stands in the way of an upgrade alone has laws of its own (`clusters`).
    lines.extend(assessment.blockers_of_moves().map(|blocker| format!("! {blocker}")));
    lines.join("\n")
}

fn assert_means(case: &str, expected: &[&str]) {
    assert_eq!(in_words(&interpret(&recorded(case), 1)), expected.join("\n"), "{case}");
}

const ALL_WELL: &str =
    "rs0 (a write needs 2): mongo-0 primary, in sync; mongo-1 replica, in sync; mongo-2 replica, in sync";
const ALL_VOTE: &str = "2 of voting members of the set: mongo-0, mongo-1, mongo-2";

/// Codes of what stands in the way of something.
fn codes(assessment: &Assessment) -> Vec<&'static str> {
    assessment.blockers.iter().map(|blocker| blocker.code).collect()
}

#[test]
fn a_data_directory_beside_the_volume_goes_with_the_pod() {
    let lost = |kept: &str, given: Option<&str>| {
        let mut seen = recorded("healthy");
        seen[0].kept = vec![kept.to_owned()];
        let storage = given.map_or_else(Document::new, |given| doc! { "dbPath": given });
        seen[0].answer.as_mut().expect("an answer").options = doc! { "parsed": { "storage": storage } };
        interpret(&seen, 1).groups[0].members[0].lost_directory.clone()
    };
    assert_eq!(lost("/data/db/", None), None, "that is the default");
    assert_eq!(lost("/backup/", None).as_deref(), Some("/data/db"));
    assert_eq!(lost("/data/db/", Some("/var/lib/mongodb")).as_deref(), Some("/var/lib/mongodb"));
    assert_eq!(lost("/var/lib/mongodb/", Some("/var/lib/mongodb")), None);
    let mut seen = recorded("healthy");
    seen[0].kept = vec!["/data/configdb/".to_owned()];
    seen[0].answer.as_mut().expect("an answer").options =
        doc! { "parsed": { "sharding": { "clusterRole": "configsvr" } } };
    assert_eq!(interpret(&seen, 1).groups[0].members[0].lost_directory, None, "a config server has another default");
}

#[test]
fn three_healthy_servers_are_one_group_and_a_write_needs_two() {
    assert_means("healthy", &["replica set", ALL_WELL, ALL_VOTE]);
    let assessment = interpret(&recorded("healthy"), 1);
    assert_eq!(assessment.feature_release, Version::parse("6.0"));
    let members = &assessment.groups[0].members;
    assert!(members.iter().all(|member| member.persists && member.version.is_some()), "{members:?}");
    assert!(members.iter().all(|member| member.lag_seconds.is_some() != (member.name == "mongo-0")), "{members:?}");
}

#[test]
fn a_member_is_wanted_to_lead_as_the_set_is_configured() {
    let mut seen = recorded("healthy");
    for said in &mut seen {
        let answers = said.answer.as_mut().expect("a healthy set answers");
        let config = answers.config.get_document_mut("config").expect("a configuration");
        for (member, priority) in config.get_array_mut("members").expect("members").iter_mut().zip([2.5, 1.0, 0.0]) {
            member.as_document_mut().expect("a document").insert("priority", priority);
        }
    }
    let members = interpret(&seen, 1).groups.remove(0).members;
    let priorities: Vec<_> = members.iter().map(|member| (member.priority, member.is_electable())).collect();
    assert_eq!(priorities, [(2_500, true), (1_000, true), (0, false)]);
}

/// A set's answers, with that in the configuration of its third member.
fn with_third_configured(settings: &Document) -> Assessment {
    let mut seen = recorded("healthy");
    for said in &mut seen {
        let answers = said.answer.as_mut().expect("a healthy set answers");
        let config = answers.config.get_document_mut("config").expect("a configuration");
        let third = &mut config.get_array_mut("members").expect("members")[2];
        third.as_document_mut().expect("a document").extend(settings.clone());
    }
    interpret(&seen, 1)
}

#[test]
fn a_majority_write_counts_on_no_member_without_a_vote_nor_on_a_delayed_one() {
    let counted = |settings: &Document| {
        let members = with_third_configured(settings).groups.remove(0).members;
        members.iter().map(MemberState::counts_for_writes).collect::<Vec<_>>()
    };
    assert_eq!(counted(&doc! {}), [true, true, true]);
    assert_eq!(counted(&doc! { "hidden": true, "priority": 0 }), [true, true, true], "a hidden member confirms writes");
    assert_eq!(counted(&doc! { "votes": 0, "priority": 0 }), [true, true, false]);
    for delay in ["secondaryDelaySecs", "slaveDelay"] {
        assert_eq!(counted(&doc! { delay: 3_600_i64, "priority": 0 }), [true, true, false], "{delay}");
    }
}

#[test]
fn an_arbiter_votes_and_bears_no_data() {
    assert_means(
        "arbiter",
        &[
            "replica set with an arbiter",
            "rs0 (a write needs 2): mongo-0 primary, in sync; mongo-1 replica, in sync",
            "arbiters of rs0 (a write needs 0): mongo-2 replica, in sync, never leads",
            ALL_VOTE,
        ],
    );
}

/// As Bitnami's chart does it: a workload of its own, whose primary is no pod of it.
#[test]
fn arbiters_alone_may_be_taken_as_long_as_a_majority_votes() {
    let seen = recorded("arbiter").split_off(2);
    let assessment = interpret(&seen, 1);
    assert_eq!(assessment.blockers, []);
    assert_eq!(assessment.groups.len(), 1, "{:?}", assessment.groups);
    assert_eq!(assessment.quorums[0].live.len(), 3, "{:?}", assessment.quorums);
}

/// It knows no users: where they are asked for, it says nothing but that it is one.
#[test]
fn an_arbiter_that_tells_nothing_is_known_by_the_others_and_never_taken_blindly() {
    let silent = |seen: &mut MemberAnswers| {
        let answers = seen.answer.as_mut().expect("an answer");
        (answers.status, answers.config) = (Document::new(), Document::new());
    };
    let mut seen = recorded("arbiter");
    silent(&mut seen[2]);
    assert_eq!(in_words(&interpret(&seen, 1)), in_words(&interpret(&recorded("arbiter"), 1)));
    let alone = interpret(&seen[2..], 1);
    let member = alone.member("mongo-2").expect("it is there");
    assert_eq!(member.role, Role::Unknown, "then it may not be taken: {alone:?}");
    assert!(matches!(member.sync, Sync::Unreachable { .. }));
}

#[test]
fn a_hidden_member_follows_and_never_leads() {
    assert_means(
        "hidden",
        &[
            "replica set",
            &ALL_WELL.replace("mongo-1 replica, in sync", "mongo-1 replica, in sync, never leads"),
            ALL_VOTE,
        ],
    );
}

#[test]
fn servers_in_no_set_are_known_to_be_in_none() {
    assert_means(
        "in-no-set",
        &[
            "in no replica set",
            "the replica set (a write needs 4): mongo-0 unknown, it is in no replica set; mongo-1 unknown, it is in no replica \
             set; mongo-2 unknown, it is in no replica set",
            "! the replica set has 0 primaries, it must have exactly one",
        ],
    );
}

#[test]
fn one_that_is_gone_is_gone_and_no_longer_votes() {
    assert_means(
        "secondary-gone",
        &[
            "replica set",
            &ALL_WELL.replace("mongo-2 replica, in sync", "mongo-2 unknown, no answer within 2s"),
            "2 of voting members of the set: mongo-0, mongo-1",
        ],
    );
    assert_means(
        "primary-just-gone",
        &[
            "replica set",
            "rs0 (a write needs 2): mongo-0 unknown, no answer within 2s; mongo-1 replica, its primary does not answer; \
             mongo-2 replica, its primary does not answer",
            "2 of voting members of the set: mongo-1, mongo-2",
            "! rs0 has 0 primaries, it must have exactly one",
        ],
    );
}

#[test]
fn one_that_is_far_behind_does_not_follow() {
    assert_means(
        "secondary-behind",
        &[
            "replica set",
            &ALL_WELL.replace("mongo-1 replica, in sync", "mongo-1 replica, it is 10 s behind its primary"),
            ALL_VOTE,
        ],
    );
}

#[test]
fn a_lock_an_index_build_and_a_change_of_features_stand_in_the_way() {
    assert_means(
        "writes-locked",
        &[
            "replica set",
            ALL_WELL,
            ALL_VOTE,
            "! writes are locked on mongo-2 (fsyncLock): it applies nothing until it is unlocked",
        ],
    );
    assert_means("index-build", &["replica set", ALL_WELL, ALL_VOTE, "! mongo-0 is busy with an index build"]);
    assert_means(
        "features-on-their-way",
        &[
            "replica set",
            ALL_WELL,
            ALL_VOTE,
            "! mongo-0 is changing its featureCompatibilityVersion (6.0 on its way to 5.0): that must end first",
        ],
    );
    assert_eq!(interpret(&recorded("features-on-their-way"), 1).feature_release, None);
}

#[test]
fn what_is_not_final_leaves_the_way_back_open() {
    let assessment = interpret(&recorded("features-of-an-older-release"), 1);
    assert_eq!(assessment.feature_release, Version::parse("5.0"));
    assert_eq!(assessment.blockers, []);
}

/// Changes what was recorded of one member.
fn changed(case: &str, number: usize, change: impl Fn(&mut super::Answers)) -> Assessment {
    let mut seen = recorded(case);
    change(seen[number].answer.as_mut().expect("an answer"));
    interpret(&seen, 1)
}

#[test]
fn an_oplog_that_ends_before_a_restart_does_is_a_reason_against_it() {
    let assessment = changed("healthy", 1, |answers| {
        let newest = answers.own().and_then(|own| own.get_datetime("lastAppliedWallTime").ok()).expect("a time");
        let wall = mongodb::bson::DateTime::from_millis(newest.timestamp_millis() - 42_000);
        answers.oldest = doc! { "wall": wall, "o": {} };
    });
    assert_eq!(codes(&assessment), ["STF-MG-003"]);
    let said = assessment.blockers[0].to_string();
    assert!(said.starts_with("the oplog of mongo-1 reaches 42 s back, the limit is 300 s"), "{said}");
}

/// A member that copied everything a moment ago has an oplog that begins a moment ago.
#[test]
fn an_oplog_that_is_not_full_yet_reaches_as_far_as_it_will() {
    let reaching = |seconds: i64, size: i64| {
        let assessment = changed("healthy", 1, |answers| {
            let newest = answers.own().and_then(|own| own.get_datetime("lastAppliedWallTime").ok()).expect("a time");
            let wall = mongodb::bson::DateTime::from_millis(newest.timestamp_millis() - seconds * 1_000);
            answers.oldest = doc! { "wall": wall, "o": {} };
            answers.oplog = doc! { "size": size, "maxSize": 1_000_000_i64 };
        });
        let said = assessment.blockers.first()?.to_string();
        let seconds = said.strip_prefix("the oplog of mongo-1 reaches ")?.split(' ').next()?;
        assert_eq!(codes(&assessment), ["STF-MG-003"]);
        seconds.parse::<u64>().ok()
    };
    assert_eq!(reaching(42, 10_000), None, "it will reach more than an hour back");
    assert_eq!(reaching(0, 500), None, "nor is one that has hardly begun short");
    assert_eq!(reaching(42, 500_000), Some(84), "half full, it will be full soon");
    assert_eq!(reaching(42, 1_000_100), Some(42));
}

#[test]
fn a_member_with_features_of_another_release_is_a_reason_against_everything() {
    let assessment = changed("healthy", 2, |answers| {
        answers.features = doc! { "featureCompatibilityVersion": { "version": "5.0" } };
    });
    assert_eq!(codes(&assessment), ["STF-MG-004"]);
}

#[test]
fn who_names_another_primary_or_another_configuration_disagrees() {
    let named = changed("healthy", 2, |answers| {
        answers.hello.insert("primary", "127.0.27.2:27017");
    });
    assert_eq!(codes(&named), ["STF-DB-016"]);
    let older = changed("healthy", 2, |answers| {
        answers.config.get_document_mut("config").expect("a configuration").insert("version", 7);
    });
    assert_eq!(codes(&older), ["STF-DB-016"]);
}

#[test]
fn of_two_primaries_neither_is_one() {
    let two = changed("healthy", 1, |answers| {
        answers.status.insert("myState", 1);
    });
    let primaries = two.groups[0].members.iter().filter(|member| member.role == Role::Primary).count();
    assert_eq!((primaries, two.groups[0].primary()), (2, None));
    let words = in_words(&two);
    assert!(
        words.contains("! rs0 has 2 primaries: mongo-0 elected in term 1, its newest entry 1795302251:7, mongo-1"),
        "{words}"
    );
    assert!(words.contains("their terms do not tell which of them a majority elected last"), "{words}");
    let later = changed("healthy", 1, |answers| {
        answers.status.insert("myState", 1);
        answers.status.insert("term", 2_i64);
    });
    let words = in_words(&later);
    assert!(words.contains("mongo-1 elected in term 2"), "{words}");
    assert!(words.contains("a majority elected mongo-1 last"), "{words}");
}

#[test]
fn a_member_that_is_no_pod_here_is_a_stranger_unless_it_only_votes() {
    for (arbiter, strangers) in [(false, 1), (true, 0)] {
        let assessment = changed("healthy", 0, |answers| {
            let config = answers.config.get_document_mut("config").expect("a configuration");
            let members = config.get_array_mut("members").expect("members");
            members.push(doc! { "_id": 9, "host": "elsewhere:27017", "arbiterOnly": arbiter }.into());
        });
        let found = codes(&assessment).iter().filter(|code| **code == "STF-DB-017").count();
        assert_eq!(found, strangers, "{:?}", assessment.blockers);
    }
}

#[test]
fn a_member_that_keeps_nothing_on_disk_is_known_to() {
    let assessment = changed("healthy", 1, |answers| {
        answers.options = doc! { "parsed": { "storage": { "engine": "inMemory" } } };
    });
    assert!(assessment.member("mongo-1").is_some_and(|member| !member.persists));
    let silent = changed("healthy", 1, |answers| answers.options = Document::new());
    assert!(silent.member("mongo-1").is_some_and(|member| !member.persists), "unknown is unsafe");
}

#[test]
fn where_the_user_may_not_see_whether_a_backup_runs_that_is_reported() {
    let unseen = changed("healthy", 1, |answers| answers.withheld = vec![Withheld::Backups]);
    assert_eq!(codes(&unseen), ["STF-MG-012"]);
}
