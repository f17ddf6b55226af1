//! What real servers said (`recorded/`, made by `record.rs` of this crate's tests), and what it means.

use std::path::Path;
use std::sync::Arc;

use stateful_safety::{
    Assessment, Disruption, JudgeInput, Member, Policy, Reason, Rollout, Storage, Sync, VolumeClaims, Workload,
    WorkloadId,
};

use super::interpret;
use crate::postgres::MemberAnswers;

fn recorded(case: &str) -> Vec<MemberAnswers> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/postgres/recorded/15-{case}.json"));
    let text = std::fs::read_to_string(&path).expect("a recorded case");
    let mut seen: Vec<MemberAnswers> = serde_json::from_str(&text).expect("what was recorded is what is read");
    for member in &mut seen {
        member.kept = vec!["/".to_owned()];
    }
    seen
}

fn in_words(assessment: &Assessment) -> String {
    let mut lines = vec![assessment.topology.clone()];
    for group in &assessment.groups {
        let members = group.members.iter().map(|member| {
            let sync = match &member.sync {
                Sync::InSync { .. } => "in sync",
                Sync::Behind { why } | Sync::Unreachable { why } => why,
            };
            format!("{} {}, {sync}", member.name, member.role)
        });
        let members: Vec<String> = members.collect();
        lines.push(format!("{} (a write needs {}): {}", group.name, group.write_quorum, members.join("; ")));
    }
    for quorum in &assessment.quorums {
        lines.push(format!("{} of {}: {}", quorum.needed, quorum.voters_are, quorum.live.join(", ")));
    }
    lines.extend(assessment.blockers.iter().map(|blocker| format!("! {blocker}")));
    lines.join("\n")
}

fn assert_means(case: &str, expected: &[&str]) {
    assert_eq!(in_words(&interpret(&recorded(case), 1)), expected.join("\n"), "{case}");
}

const SYNCHRONOUS: &str = "primary and synchronous standbys";
const ALL_WELL: &str = "main (a write needs 2): pg-0 primary, in sync; pg-1 replica, in sync; pg-2 replica, in sync";

#[test]
fn three_healthy_servers_are_one_group_and_a_write_needs_what_the_rule_says() {
    assert_means("healthy", &[SYNCHRONOUS, ALL_WELL]);
    let asynchronous = ALL_WELL.replace("needs 2", "needs 1");
    assert_means("asynchronous", &["primary and asynchronous standbys", &asynchronous]);
    let members = &interpret(&recorded("healthy"), 1).groups[0].members;
    assert!(members.iter().all(|member| member.persists && member.version.is_some()), "{members:?}");
    assert!(members.iter().all(|member| member.lag_seconds.is_some() != (member.name == "pg-0")), "{members:?}");
}

#[test]
fn a_data_directory_beside_the_volume_goes_with_the_pod() {
    let mut seen = recorded("healthy");
    let directory =
        seen[1].answer.as_ref().ok().and_then(|answers| answers.field("data_directory")).map(ToOwned::to_owned);
    assert!(directory.is_some());
    seen[1].kept = vec!["/backup/".to_owned()];
    let lost =
        interpret(&seen, 1).groups[0].members.iter().map(|member| member.lost_directory.clone()).collect::<Vec<_>>();
    assert_eq!(lost, [None, directory, None]);
}

#[test]
fn commits_that_need_not_wait_need_the_primary_alone() {
    let mut seen = recorded("healthy");
    for setting in ["off", "local"] {
        if let Ok(answers) = &mut seen[0].answer {
            answers.server.insert("synchronous_commit".to_owned(), Some(setting.to_owned()));
        }
        assert_eq!(interpret(&seen, 1).groups[0].write_quorum, 1, "{setting}");
    }
    if let Ok(answers) = &mut seen[0].answer {
        answers.server.insert("synchronous_commit".to_owned(), Some("on".to_owned()));
        answers.server.insert("synchronous_standby_names".to_owned(), Some("ANY (".to_owned()));
    }
    assert_eq!(interpret(&seen, 1).groups[0].write_quorum, 4, "while the rule cannot be read no member may be taken");
}

#[test]
fn a_standby_that_is_not_listed_helps_no_commit() {
    let listed = "1 of standbys that commits wait for (synchronous_standby_names): pg-1";
    assert_means("one-listed", &[SYNCHRONOUS, ALL_WELL, listed]);
    let assessment = interpret(&recorded("one-listed"), 1);
    let against = |member: &str| -> Vec<Reason> {
        let workload = workload();
        let known = JudgeInput { workload: &workload, assessment: Some(&assessment), promised: &[] };
        let take = Disruption::Take { members: vec![member.to_owned()] };
        stateful_safety::judge(&Policy::default(), known, &take, 1).reasons().to_vec()
    };
    assert!(matches!(&against("pg-1")[..], [Reason::QuorumLost { left: 0, needed: 1, .. }]), "{:?}", against("pg-1"));
    assert_eq!(against("pg-2"), [], "the other may go: no commit waits for it");
}

#[test]
fn a_standby_that_is_gone_is_of_unknown_role() {
    let gone = "main (a write needs 2): pg-0 primary, in sync; pg-1 replica, in sync; \
                pg-2 unknown, Connection refused (os error 111)";
    assert_means("standby-gone", &[SYNCHRONOUS, gone]);
}

#[test]
fn what_a_switchover_would_break_is_named() {
    for (case, line) in [
        ("replay-paused", "! pg-2 has its replay paused and could not take over"),
        ("transaction-prepared", "! transaction order-17 is prepared on pg-0 and waits for its commit"),
        ("logical-slot", "! logical slot search is on pg-0 alone: its reader could not go on after a switchover"),
    ] {
        assert_means(case, &[SYNCHRONOUS, ALL_WELL, line]);
    }
    let words = in_words(&interpret(&recorded("transaction-open"), 1));
    assert!(words.contains("! a transaction has been open for "), "{words}");
    let words = in_words(&interpret(&recorded("backup-running"), 1));
    assert!(words.contains("! a base backup runs on pg-1 ("), "{words}");
    assert!(!words.contains("no pod of this workload"), "who fetches a backup is no standby: {words}");
}

#[test]
fn a_slot_that_is_lost_is_named() {
    let mut seen = recorded("logical-slot");
    if let Ok(answers) = &mut seen[0].answer {
        answers.slots[0].insert("wal_status".to_owned(), Some("lost".to_owned()));
    }
    let words = in_words(&interpret(&seen, 1));
    assert!(words.contains("! replication slot search of pg-0 is lost"), "{words}");
}

#[test]
fn after_a_switchover_the_other_two_follow_on_the_new_timeline() {
    let all = "main (a write needs 2): pg-0 replica, in sync; pg-1 primary, in sync; pg-2 replica, in sync";
    assert_means("handed-over", &[SYNCHRONOUS, all]);
}

#[test]
fn a_standby_on_another_timeline_or_of_another_database_is_behind() {
    let why = |seen: &[MemberAnswers]| in_words(&interpret(seen, 1)).lines().nth(1).unwrap_or_default().to_owned();
    let mut seen = recorded("healthy");
    if let Ok(answers) = &mut seen[1].answer {
        answers.receiver[0].insert("received_tli".to_owned(), Some("7".to_owned()));
    }
    assert!(why(&seen).contains("pg-1 replica, it is on timeline 7, its primary on 1"), "{}", why(&seen));
    if let Ok(answers) = &mut seen[1].answer {
        answers.server.insert("system_identifier".to_owned(), Some("1".to_owned()));
    }
    assert!(why(&seen).contains("pg-1 replica, it is a copy of another database"), "{}", why(&seen));
    if let Ok(answers) = &mut seen[2].answer {
        answers.receiver.clear();
    }
    assert!(why(&seen).contains("pg-2 replica, it does not receive its primary's log"), "{}", why(&seen));
}

#[test]
fn a_standby_that_is_no_member_is_a_stranger() {
    let mut seen = recorded("healthy");
    seen.pop();
    let words = in_words(&interpret(&seen, 1));
    assert!(words.contains("! the database lists pg-2 at 127.0.0.1, which is no pod"), "{words}");
}

#[test]
fn a_slot_without_a_reader_is_noted_with_what_it_holds() {
    let slot = |active: &str, status: &str| {
        let mut seen = recorded("healthy");
        let answers = seen[0].answer.as_mut().expect("it answers");
        answers.server.insert("flush_lsn".to_owned(), Some("0/5000000".to_owned()));
        let columns = [
            ("slot_name", "old"),
            ("slot_type", "physical"),
            ("active", active),
            ("wal_status", status),
            ("restart_lsn", "0/4000000"),
        ];
        let row = columns.into_iter().map(|(name, value)| (name.to_owned(), Some(value.to_owned())));
        answers.slots = vec![row.collect()];
        interpret(&seen, 1)
    };
    let unused = slot("f", "extended");
    let [note] = &unused.notes[..] else { unreachable!("{:?}", unused.notes) };
    assert!(note.contains("replication slot old of pg-0, and pg-0 keeps 16777216 bytes of its log"), "{note}");
    assert!(unused.blockers.is_empty(), "it stands in the way of nothing: {:?}", unused.blockers);
    assert!(slot("t", "reserved").notes.is_empty(), "it has a reader");
    assert!(slot("f", "lost").notes.is_empty(), "STF-PG-004 tells of it");
}

#[test]
fn two_primaries_are_none() {
    let assessment = interpret(&recorded("two-primaries"), 1);
    let words = in_words(&assessment);
    let two =
        "! main has 2 primaries: pg-1 on timeline 2 at 0/4000540, pg-2 on timeline 3 at 0/4000538; they have diverged";
    assert!(words.contains(two), "{words}");
    let [blocker] = &assessment.blockers[..] else { unreachable!("{words}") };
    assert!(!blocker.effect.passes.may_pass(), "no server settles it: waiting does not help");
    let step = blocker.next_step("pg -n shop");
    assert!(step.contains("kubectl logs pg-1 -n shop, kubectl logs pg-2 -n shop"), "{step}");
    assert!(words.contains("pg-0 replica, its primary does not answer"), "{words}");
    assert_eq!(assessment.groups[0].primary(), None);
}

#[test]
fn of_two_primaries_what_cannot_be_compared_is_said_to_be_so() {
    let changed = |name: &str, value: &str| {
        let mut seen = recorded("two-primaries");
        if let Ok(answers) = &mut seen[2].answer {
            answers.server.insert(name.to_owned(), Some(value.to_owned()));
        }
        interpret(&seen, 1).blockers.remove(0)
    };
    let same = changed("wal_file", "000000020000000000000004").to_string();
    assert!(same.contains("they write the same timeline"), "{same}");
    let other = changed("system_identifier", "1").to_string();
    assert!(other.contains("they are different databases"), "{other}");
    let managed = changed("command_line", "max_prepared_transactions track_commit_timestamp wal_log_hints");
    assert!(managed.effect.passes.may_pass(), "Patroni settles it");
}

#[test]
fn patroni_is_asked_for_a_switchover_and_repmgr_is_left_to_its_own_command() {
    let with = |name: &str, value: &str| {
        let mut seen = recorded("healthy");
        if let Ok(answers) = &mut seen[0].answer {
            answers.server.insert(name.to_owned(), Some(value.to_owned()));
        }
        in_words(&interpret(&seen, 1))
    };
    let by_repmgr = with("shared_preload_libraries", "pg_stat_statements, repmgr");
    assert_eq!(by_repmgr.lines().last(), Some("! repmgr decides which member is the primary, as pg-0 shows"));
    let by_patroni =
        with("command_line", "cluster_name max_prepared_transactions track_commit_timestamp wal_log_hints");
    assert!(!by_patroni.contains('!'), "{by_patroni}");
}

/// The three pods, all well.
fn workload() -> Workload {
    let member = |number: usize| Member {
        name: format!("pg-{number}"),
        uid: format!("uid-{number}"),
        node: None,
        address: None,
        revision: String::new(),
        image: "postgres:15".to_owned(),
        ready: true,
        terminating: false,
        storage: Storage::VolumeClaim,
        waiting: None,
        never_started: false,
    };
    Workload {
        id: WorkloadId { namespace: "shop".to_owned(), name: "pg".to_owned() },
        uid: "uid".to_owned(),
        engine: &crate::postgres::PROFILE,
        service: "pg".to_owned(),
        container: "postgres".to_owned(),
        image: "postgres:15".to_owned(),
        declared_revision: String::new(),
        replicas: 3,
        first_ordinal: 0,
        restarted_at: None,
        rollout: Rollout::OnDelete,
        members: (0..3).map(member).map(Arc::new).collect(),
        routes: Vec::new(),
        template_owner: None,
        replicas_owner: None,
        claims: VolumeClaims::default(),
        operated: None,
        budgets: Vec::new(),
    }
}

mod collations;
mod role_at_start;
