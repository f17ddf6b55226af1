//! What real servers said (`recorded/`, made by `recorded/record`), and what it means. Every case was recorded from both
//! releases, and must mean the same in both.

mod several_primaries;

use std::path::Path;

use stateful_safety::{Assessment, MemberState, Role, Sync, Version};

use super::interpret;
use crate::redis::{Answers, MemberAnswers};

const RELEASES: [(&str, &str); 2] = [("7.0", "7.0.15"), ("8.0", "8.0.2")];

fn recorded(release: &str, case: &str) -> Vec<MemberAnswers> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/redis/recorded/{release}-{case}.json"));
    let text = std::fs::read_to_string(&path).expect("a recorded case");
    serde_json::from_str(&text).expect("what was recorded is what is read")
}

fn in_words(assessment: &Assessment) -> String {
    let mut lines = vec![assessment.topology.clone()];
    for group in &assessment.groups {
        let members = group.members.iter().map(|member| {
            let role = member.role;
            let sync = match &member.sync {
                Sync::InSync { .. } => "in sync",
                Sync::Behind { why } | Sync::Unreachable { why } => why,
            };
            let persists = if member.persists || member.role == Role::Unknown { "" } else { ", no persistence" };
            format!("{} {role}, {sync}{persists}", member.name)
        });
        let needs =
            if group.write_quorum == 1 { String::new() } else { format!(" (a write needs {})", group.write_quorum) };
        lines.push(format!("{}{needs}: {}", group.name, members.collect::<Vec<_>>().join("; ")));
    }
    for quorum in &assessment.quorums {
        lines.push(format!("{} of {} needed: {}", quorum.voters_are, quorum.needed, quorum.live.join(", ")));
    }
    lines.extend(assessment.blockers.iter().map(|blocker| format!("! {blocker}")));
    lines.join("\n")
}

/// What a case means, in both releases.
fn assert_means(case: &str, expected: &[&str]) {
    for (release, version) in RELEASES {
        let seen = recorded(release, case);
        let assessment = interpret(&seen, 1);
        assert_eq!(in_words(&assessment), expected.join("\n"), "{release}-{case}");
        let answered = |name: &str| seen.iter().any(|seen| seen.member == name && seen.answer.is_ok());
        for member in assessment.groups.iter().flat_map(|group| &group.members) {
            let expected = answered(&member.name).then(|| Version::parse(version).expect("a version"));
            assert_eq!(member.version, expected, "{release}-{case}: {}", member.name);
            if let Sync::InSync { lag_bytes } = member.sync {
                assert!(lag_bytes < 1_024, "{release}-{case}: {} is {lag_bytes} behind", member.name);
            }
        }
    }
}

const HEALTHY: [&str; 5] = [
    "Redis Cluster",
    "slots 0-5460: redis-0 primary, in sync; redis-3 replica, in sync",
    "slots 5461-10922: redis-1 primary, in sync; redis-4 replica, in sync",
    "slots 10923-16383: redis-2 primary, in sync; redis-5 replica, in sync",
    "slot-owning masters of 2 needed: redis-0, redis-1, redis-2",
];

/// The healthy six, but for one line.
fn healthy_but(line: usize, instead: &'static str) -> [&'static str; 5] {
    let mut lines = HEALTHY;
    lines[line] = instead;
    lines
}

#[test]
fn six_healthy_nodes_are_three_groups_that_agree() {
    assert_means("cluster-healthy", &HEALTHY);
    assert_means("cluster-replica-back", &HEALTHY);
}

#[test]
fn a_silent_replica_has_an_unknown_role_whether_or_not_the_others_have_noticed() {
    let silent = "slots 5461-10922: redis-1 primary, in sync; redis-4 unknown, no answer within 2s";
    assert_means("cluster-replica-just-silent", &healthy_but(2, silent));
    let gone = "slots 5461-10922: redis-1 primary, in sync; redis-4 unknown, Connection refused (os error 111)";
    assert_means("cluster-replica-gone", &healthy_but(2, gone));
}

/// What every other member says of one of them, in both releases, whatever else they say.
fn assert_all_others_say(case: &str, member: &str, about: &str) {
    for (release, _) in RELEASES {
        let seen = recorded(release, case);
        let words = in_words(&interpret(&seen, 1));
        for other in seen.iter().filter(|seen| seen.member != member) {
            let said = format!("! the members do not agree: {} says {about}", other.member);
            assert!(words.contains(&said), "{release}-{case}:\n{words}");
        }
    }
}

#[test]
fn a_replica_back_under_a_new_address_is_not_in_sync_before_the_others_know_it() {
    assert_all_others_say("cluster-replica-at-new-address", "redis-4", "redis-4 is marked fail, but it answers");
    assert_all_others_say("cluster-replica-moved-at-once", "redis-5", "its link to redis-5 is down");
    for (release, _) in RELEASES {
        for (case, member) in
            [("cluster-replica-at-new-address", "redis-4"), ("cluster-replica-moved-at-once", "redis-5")]
        {
            let assessment = interpret(&recorded(release, case), 1);
            let sync = assessment.member(member).map(|state| state.sync.clone());
            let expected = Sync::Behind { why: "its primary does not count it online yet".to_owned() };
            assert_eq!(sync, Some(expected), "{release}-{case}");
        }
    }
}

#[test]
fn an_address_the_others_do_not_have_is_reported_even_while_they_are_connected() {
    for (release, _) in RELEASES {
        let mut seen = recorded(release, "cluster-healthy");
        seen[4].address = Some("127.0.1.15".to_owned());
        let words = in_words(&interpret(&seen, 1));
        assert!(words.contains("redis-0 says redis-4 is at 127.0.1.5, but it is at 127.0.1.15"), "{release}: {words}");
        // What a node is told to announce is what its peers should have.
        if let Ok(answers) = &mut seen[4].answer {
            answers.config.insert("cluster-announce-ip".to_owned(), "127.0.1.5".to_owned());
        }
        assert_eq!(interpret(&seen, 1).blockers, [], "{release}");
    }
}

#[test]
fn a_replica_that_copies_everything_is_behind_and_its_primary_busy() {
    let copying = "slots 0-5460: redis-0 primary, in sync; redis-3 replica, copying everything from its primary";
    let [topology, first, second, third, voters] = healthy_but(1, copying);
    let busy = "! redis-0 is busy with an RDB snapshot";
    assert_means("cluster-replica-copying", &[topology, first, second, third, voters, busy]);
}

#[test]
fn a_replica_whose_link_is_down_is_behind_though_its_primary_has_not_noticed() {
    for (release, _) in RELEASES {
        let mut seen = recorded(release, "cluster-healthy");
        if let Ok(answers) = &mut seen[3].answer {
            answers.info = answers.info.replace("master_link_status:up", "master_link_status:down");
        }
        let sync = interpret(&seen, 1).member("redis-3").map(|state| state.sync.clone());
        assert_eq!(sync, Some(Sync::Behind { why: "its link to the primary is down".to_owned() }), "{release}");
    }
}

#[test]
fn a_running_snapshot_is_reported() {
    let [topology, first, second, third, voters] = HEALTHY;
    let busy = "! redis-0 is busy with an RDB snapshot";
    assert_means("cluster-snapshot-running", &[topology, first, second, third, voters, busy]);
}

#[test]
fn a_slot_that_is_moving_is_reported_by_both_nodes() {
    let [topology, first, second, third, voters] = HEALTHY;
    let from = "! slots are moving between shards: 1, says redis-0";
    let to = "! slots are moving between shards: 1, says redis-1";
    assert_means("cluster-slot-migrating", &[topology, first, second, third, voters, from, to]);
}

#[test]
fn each_server_states_its_own_role_and_a_member_that_has_not_heard_of_it_disagrees() {
    let switched_over = "slots 0-5460: redis-0 replica, in sync; redis-3 primary, in sync";
    let [topology, first, second, third, _] = healthy_but(1, switched_over);
    let voters = "slot-owning masters of 2 needed: redis-3, redis-1, redis-2";
    assert_means("cluster-handed-over", &[topology, first, second, third, voters]);
    // A few milliseconds after the switchover: its two members know, some of the others do not yet.
    for (release, _) in RELEASES {
        let assessment = interpret(&recorded(release, "cluster-just-handed-over"), 1);
        let leads = assessment.groups[0].primary().map(|primary| primary.name.as_str());
        assert_eq!(leads, Some("redis-3"), "{release}");
        let words = in_words(&assessment);
        assert!(words.contains("says redis-0 is a master, which redis-0 denies"), "{release}:\n{words}");
    }
}

#[test]
fn a_lost_shard_leaves_slots_uncovered_and_its_group_without_a_primary() {
    let gone = "Connection refused (os error 111)";
    let lost = format!("slots 5461-10922: redis-1 unknown, {gone}; redis-4 unknown, {gone}");
    let down = |name: &str| format!("! the members do not agree: {name} says the cluster is down (cluster_state:fail)");
    let down = ["redis-0", "redis-2", "redis-3", "redis-5"].map(down);
    let mut expected = vec![
        "Redis Cluster",
        "slots 0-5460: redis-0 replica, in sync; redis-3 primary, in sync",
        &lost,
        "slots 10923-16383: redis-2 primary, in sync; redis-5 replica, in sync",
        "slot-owning masters of 2 needed: redis-3, redis-2",
    ];
    expected.extend(down.iter().map(String::as_str));
    expected.push("! only 10922 of 16384 hash slots have a master");
    expected.push("! slots 5461-10922 has 0 primaries, it must have exactly one");
    assert_means("cluster-slots-uncovered", &expected);
}

#[test]
fn writes_that_need_a_replica_and_servers_without_persistence_are_reported() {
    let group = |slots: &str, primary: &str, replica: &str| {
        let none = "in sync, no persistence";
        format!("slots {slots} (a write needs 2): {primary} primary, {none}; {replica} replica, {none}")
    };
    let first = group("0-5460", "redis-0", "redis-3");
    let second = group("5461-10922", "redis-1", "redis-4");
    let third = group("10923-16383", "redis-2", "redis-5");
    let [topology, .., voters] = HEALTHY;
    assert_means("cluster-min-replicas-no-persistence", &[topology, &first, &second, &third, voters]);
    let none = "in sync, no persistence";
    let group = format!(
        "the replica group (a write needs 2): redis-0 primary, {none}; redis-1 replica, {none}; redis-2 replica, {none}"
    );
    assert_means("replication-min-replicas-no-persistence", &["primary and replicas", &group]);
}

const REPLICATION: &str =
    "the replica group: redis-0 primary, in sync; redis-1 replica, in sync; redis-2 replica, in sync";

#[test]
fn a_primary_and_its_replicas_are_one_group() {
    assert_means("replication-healthy", &["primary and replicas", REPLICATION]);
    assert_means("replication-sentinels", &["primary and replicas under 3 Sentinels", REPLICATION]);
    assert_means("single", &["single server", "the replica group: redis-0 primary, in sync"]);
}

#[test]
fn without_sentinels_a_role_must_be_kept_on_a_volume() {
    for (release, _) in RELEASES {
        let forgotten = |case: &str| {
            let mut seen = recorded(release, case);
            seen[1].kept.clear();
            in_words(&interpret(&seen, 1))
        };
        assert!(forgotten("replication-healthy").contains("! redis-1 would come back as a primary"), "{release}");
        assert!(!forgotten("replication-sentinels").contains('!'), "{release}: Sentinels tell it its role");
    }
}

#[test]
fn a_server_that_hides_its_settings_counts_as_having_none() {
    for (release, _) in RELEASES {
        let mut seen = recorded(release, "cluster-healthy");
        for answers in seen.iter_mut().filter_map(|seen| seen.answer.as_mut().ok()) {
            answers.config.clear();
            answers.info = answers.info.replace("aof_enabled:1", "aof_enabled:0");
        }
        let assessment = interpret(&seen, 1);
        assert!(assessment.groups.iter().flat_map(|group| &group.members).all(|member| !member.persists), "{release}");
    }
}

#[test]
fn sentinels_are_counted_under_ipv6_and_unknown_where_a_server_does_not_answer_about_them() {
    for (release, _) in RELEASES {
        let subscribed = |lines: Option<&str>| {
            let mut seen = recorded(release, "replication-sentinels");
            for answers in seen.iter_mut().filter_map(|seen| seen.answer.as_mut().ok()) {
                answers.subscribers = lines.map(str::to_owned);
            }
            seen
        };
        let seen =
            subscribed(Some("id=7 addr=[fd00::7]:40112 laddr=[fd00::1]:6379 fd=9 name=sentinel-1c2d3e4f-pubsub age=9"));
        let sentinels = seen.iter().filter_map(|seen| seen.answer.as_ref().ok()).flat_map(Answers::sentinels);
        assert_eq!(sentinels.collect::<Vec<_>>(), ["fd00::7"; 3], "{release}");
        let unknown = in_words(&interpret(&subscribed(None), 1));
        assert!(unknown.contains("! redis-0 does not answer CLIENT LIST, so whether Sentinels watch"), "{unknown}");
    }
}

#[test]
fn a_replica_of_priority_zero_never_leads() {
    for (release, _) in RELEASES {
        let mut seen = recorded(release, "replication-healthy");
        if let Ok(answers) = &mut seen[1].answer {
            answers.info = answers.info.replace("slave_priority:100", "slave_priority:0");
        }
        let assessment = interpret(&seen, 1);
        let electable: Vec<bool> = assessment.groups[0].members.iter().map(MemberState::is_electable).collect();
        assert_eq!(electable, [true, false, true], "{release}");
    }
}

mod restarts;
