//! Switchovers that go well.

use std::collections::BTreeSet;
use std::time::Instant;

use stateful_engines::{BoxFuture, ClientPause, SwitchoverError};
use stateful_safety::Role;

use crate::common::database::{Database, leader_of};
use crate::common::load::{Load, WRITERS};
use crate::common::turns::Measures;

pub(super) async fn switchovers_under_load_lose_nothing_and_the_old_primary_follows<D: Database>() {
    let database = D::start(Measures::Time).await;
    let before = database.settled().await.groups[0].clone();
    let mut from = before.primary().expect("a primary").name.clone();
    let mut have_led = BTreeSet::from([from.clone()]);
    // To each member once, whether the servers would have chosen it or not, and back to the first.
    for _ in &before.members {
        let successors = database.successors(&from).await;
        let to = successors.iter().find(|member| !have_led.contains(*member)).unwrap_or(&successors[0]).clone();
        let load = Load::begin(database.client()).await;
        let took = database.switch_over(&from, &to).await.expect("a switchover").took;
        let begun = Instant::now();
        let assessment = database.settled().await;
        println!("{from} -> {to} in {took:?}; every member in sync {:?} later", begun.elapsed());
        assert_eq!(leader_of(&assessment, &to), Some(to.clone()));
        assert_eq!(assessment.member(&from).map(|member| member.role), Some(Role::Replica), "{from}");
        let write_quorum = assessment.group_of(&to).map(|group| group.write_quorum);
        assert_eq!(write_quorum, Some(before.write_quorum), "what a write waits for has changed");
        let report = load.finish(&database).await;
        assert!(report.acknowledged > 100 && report.lost == 0, "{report:?}");
        assert!(report.unknown <= WRITERS, "more than the one that each writer had under way: {report:?}");
        assert!(report.longest_gap < D::LONGEST_PAUSE, "{report:?}");
        have_led.insert(to.clone());
        from = to;
    }
}

/// As after an answer that was lost: the second request finds the switchover made.
pub(super) async fn a_switchover_asked_for_twice_is_made_once<D: Database>() {
    let database = D::start(Measures::Nothing).await;
    let before = database.settled().await.groups[0].clone();
    let from = before.primary().expect("a primary").name.clone();
    let to = database.successors(&from).await.remove(0);
    database.switch_over(&from, &to).await.expect("a switchover");
    database.settled().await;
    let load = Load::begin(database.client()).await;
    let again = database.switch_over(&from, &to).await;
    println!("asked again: {again:?}");
    assert_eq!(leader_of(&database.settled().await, &to), Some(to));
    let report = load.finish(&database).await;
    assert_eq!((report.lost, report.unknown), (0, 0), "a primary was stopped once more: {again:?}, {report:?}");
}

/// Another process has taken the operation lock while this one was preparing.
struct LostLock;

impl ClientPause for LostLock {
    fn confirm_lock(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        let lost = "another process holds the operation lock".to_owned();
        Box::pin(async { Err(SwitchoverError::LockNotConfirmed(lost)) })
    }

    fn pause(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async { Ok(()) })
    }

    fn redirect(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// The other process may be about to make another member the primary.
pub(super) async fn a_switchover_whose_lock_was_lost_while_it_was_prepared_moves_nothing<D: Database>() {
    let database = D::start(Measures::Nothing).await;
    let before = database.settled().await.groups[0].clone();
    let from = before.primary().expect("a primary").name.clone();
    let to = database.successors(&from).await.remove(0);
    let load = Load::begin(database.client()).await;
    let adapter = database.adapter();
    let refused = adapter
        .switchover()
        .expect("it switches over")
        .switch_over(&database.endpoints(), &database.watchers(), &from, &to, &LostLock)
        .await
        .expect_err("the lock is another's");
    assert!(refused.to_string().contains("holds the operation lock"), "{refused}");
    // What it has prepared it leaves alone: that may be the other's by now. The next holder sets it back.
    let preparation = adapter.restart_preparation().expect("it prepares restarts");
    preparation.take_back(&database.endpoints(), &database.watchers()).await;
    assert_eq!(leader_of(&database.settled().await, &from), Some(from.clone()));
    let report = load.finish(&database).await;
    assert!(report.acknowledged > 100 && report.lost == 0, "{report:?}");
    // Under Sentinels, writes that wait behind a fence lose their connection when that is taken off.
    assert!(report.unknown <= WRITERS, "more than the one that each writer had under way: {report:?}");
    // And nothing is left that another switchover would stumble over.
    database.switch_over(&from, &to).await.expect("a switchover");
}
