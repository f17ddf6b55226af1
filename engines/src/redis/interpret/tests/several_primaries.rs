//! Two primaries, or none: what their servers tell of whose data is the newest.

use super::{RELEASES, assert_means, in_words, interpret, recorded};

#[test]
fn two_primaries_or_none_are_reported() {
    let two = "the replica group: redis-0 primary, in sync; redis-1 replica, in sync; redis-2 primary, in sync";
    for (release, _) in RELEASES {
        let words = in_words(&interpret(&recorded(release, "replication-two-primaries"), 1));
        let lines: Vec<&str> = words.lines().collect();
        assert_eq!(lines[..2], ["primary and replicas", two], "{release}");
        assert!(
            lines[2].starts_with("! the replica group has 2 primaries: redis-0 at offset 0 of replication ID "),
            "{words}"
        );
        assert!(
            lines[2]
                .ends_with("redis-2 was a replica of redis-0 up to offset 0, and neither has written anything since"),
            "{words}"
        );
    }
    let none = "the replica group: redis-0 unknown, no answer within 2s; redis-1 replica, its primary does not answer; \
                redis-2 replica, its primary does not answer";
    let blocker = "! the replica group has 0 primaries, it must have exactly one";
    assert_means("replication-primary-silent", &["primary and replicas", none, blocker]);
}

#[test]
fn which_of_two_primaries_has_the_newest_data_is_told_only_where_they_know_where_they_parted() {
    let told = |old: u64, young: u64, change: (&str, &str)| {
        let mut seen = recorded("8.0", "replication-two-primaries");
        for (index, offset) in [(0, old), (2, young)] {
            let answers = seen[index].answer.as_mut().expect("it answers");
            answers.info = answers.info.replace("master_repl_offset:0", &format!("master_repl_offset:{offset}"));
            answers.info = answers.info.replace("second_repl_offset:1", "second_repl_offset:101");
            answers.info = answers.info.replace(change.0, change.1);
        }
        interpret(&seen, 1).blockers.remove(0).to_string()
    };
    let as_is = ("", "");
    assert!(told(100, 130, as_is).ends_with("and has all that redis-0 has, and 30 bytes more"));
    assert!(told(140, 100, as_is).ends_with("redis-0 has all that redis-2 has, and 40 bytes more"));
    let diverged = "redis-0 has 40 bytes that redis-2 lacks, and redis-2 30 bytes that redis-0 lacks";
    assert!(told(140, 130, as_is).ends_with(diverged), "{}", told(140, 130, as_is));
    for unknown in [
        told(90, 130, as_is),
        told(140, 130, ("master_replid2:", "another_field:")),
        told(140, 130, ("repl_backlog_active:1", "repl_backlog_active:0")),
    ] {
        assert!(
            unknown.ends_with("offsets of different replication IDs do not tell whose data is the newest"),
            "{unknown}"
        );
    }
}

#[test]
fn sentinels_settle_two_primaries_and_without_them_waiting_does_not_help() {
    let mut seen = recorded("8.0", "replication-two-primaries");
    let blocker = interpret(&seen, 1).blockers.remove(0);
    assert!(!blocker.effect.passes.may_pass(), "{blocker}");
    let watched = "id=1 addr=10.0.0.7:4242 name=sentinel-0b1c2d3e-pubsub cmd=subscribe\n";
    seen[0].answer.as_mut().expect("it answers").subscribers = Some(watched.to_owned());
    let blocker = interpret(&seen, 1).blockers.remove(0);
    assert!(blocker.code == "STF-DB-029" && blocker.effect.passes.may_pass(), "{blocker}");
}
