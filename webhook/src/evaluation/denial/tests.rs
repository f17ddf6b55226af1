//! Laws of denials: what, why, and a next command that can be typed as it stands.

use std::sync::Arc;

use stateful_cluster::inventory::Model;
use stateful_safety::{Blocker, Blocks, Effect, Passes, Reason};

use super::{is_permanent, message};
use crate::evaluation::guarded_pod::{GuardedPod, RemovalKind};
use crate::rules::fixtures::{guarded, pod, redis};

fn guarded_pod() -> GuardedPod {
    let model =
        Model::of(&[guarded(), redis(3), pod("redis", 0)], stateful_operations::engine_profiles()).expect("a model");
    let pod = model.pod("shop", "redis-0").expect("the pod");
    let set = model.set_of("shop", pod).expect("its database");
    GuardedPod { set: Arc::clone(set), pod: Arc::clone(pod) }
}

fn primary() -> Reason {
    Reason::PrimaryTaken { group: "the replica group".to_owned(), member: "redis-0".to_owned() }
}

fn only_copy() -> Reason {
    Reason::OnlyCopy { group: "the replica group".to_owned(), member: "redis-0".to_owned() }
}

fn storage_not_kept() -> Reason {
    Reason::StorageNotKept { member: "redis-0".to_owned(), directory: None }
}

#[test]
fn every_command_in_a_denial_names_the_namespace() {
    let silent = Reason::NotAnswering { member: "redis-1".to_owned(), why: "connection refused".to_owned() };
    let not_assessed = Reason::NotAssessed { why: "no answer".to_owned() };
    for reason in [primary(), only_copy(), storage_not_kept(), silent, not_assessed] {
        let text = message(&guarded_pod(), RemovalKind::Eviction, &[reason], false);
        let commands: Vec<&str> =
            text.split("kubectl ").skip(1).filter(|command| !command.starts_with("scale)")).collect();
        assert!(!commands.is_empty(), "{text}");
        for command in commands {
            assert!(command.contains(" -n shop"), "{command} in: {text}");
        }
    }
}

#[test]
fn a_denial_says_what_why_the_code_and_how_many_more_reasons_there_are() {
    let text = message(&guarded_pod(), RemovalKind::Deletion, &[primary(), only_copy()], false);
    assert!(text.starts_with("redis-0 of shop/redis may not be deleted: "), "{text}");
    assert!(text.contains("(STF-DB-022) and 1 more; "), "the permanent reason comes first: {text}");
    let text = message(&guarded_pod(), RemovalKind::Eviction, &[primary()], false);
    assert!(text.starts_with("redis-0 of shop/redis may not be evicted now: "), "{text}");
    assert!(text.ends_with("kubectl stateful switchover redis -n shop --from redis-0"), "{text}");
}

#[test]
fn where_a_primary_may_not_switch_over_the_denial_says_why_and_does_not_advise_it() {
    let by_ordinal = Reason::Blocked(Blocker {
        code: "STF-DB-020",
        effect: Effect::new(Blocks::Switchover, Passes::Never),
        member: None,
        text: "a restart may change a member's role: start, line 7".to_owned(),
        next_step: "let it run only while the data directory is empty".to_owned(),
    });
    let text = message(&guarded_pod(), RemovalKind::Eviction, &[primary(), by_ordinal], false);
    assert!(
        text.contains("a restart may change a member's role: ") && text.contains("(STF-DB-020) and 1 more; "),
        "{text}"
    );
    assert!(!text.contains("stateful switchover") && text.ends_with("data directory is empty"), "{text}");
}

#[test]
fn where_the_guard_switches_over_the_denial_says_so() {
    let text = message(&guarded_pod(), RemovalKind::Eviction, &[primary()], true);
    assert!(text.ends_with("the guard is switching over to a replica, try again in a moment"), "{text}");
}

#[test]
fn only_reasons_that_waiting_does_not_resolve_are_permanent() {
    assert!(is_permanent(&[primary(), only_copy()]) && is_permanent(&[storage_not_kept()]));
    assert!(!is_permanent(&[primary()]));
}
