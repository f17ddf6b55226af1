//! Laws of the certificate controller: what it writes to the Secret and the configurations, and what it puts into service.

use super::*;
use crate::certificates::controller::RotationError;
use crate::certificates::rotation::Action;
use crate::certificates::serving::NotReady;

/// Steps until there is nothing to do at this time; returns the actions.
async fn settle(controller: &mut CertificateController<MemoryStore>, now: Timestamp) -> Vec<Action> {
    let mut actions = Vec::new();
    loop {
        match controller.step(now).await.expect("a step") {
            Action::Nothing => return actions,
            action => actions.push(action),
        }
    }
}

#[tokio::test]
async fn a_rotation_trusts_before_it_signs_and_drops_after_it_served() {
    let store = MemoryStore::default();
    let (mut controller, serving) = replica(&store, short_times());
    assert_eq!(serving.ready(day_one()), Err(NotReady::NoCertificate));
    let mut done = Vec::new();
    for second in (0..1500).step_by(10) {
        let now = day_one() + seconds(second);
        done.extend(settle(&mut controller, now).await.into_iter().map(|action| (second, action)));
        assert_eq!(serving.ready(now), Ok(()), "after {second} s");
        let authorities = store.published().matches("BEGIN").count();
        assert_eq!(authorities, if (1000..1150).contains(&second) { 2 } else { 1 }, "after {second} s");
    }
    let expected = [
        (0, Action::MakeBoth),
        (0, Action::NoteTrust),
        (400, Action::Issue),
        (800, Action::Issue),
        (1000, Action::AddAuthority),
        (1000, Action::NoteTrust),
        (1060, Action::Issue),
        (1150, Action::DropOlder),
        (1460, Action::Issue),
    ];
    assert_eq!(done, expected);
}

#[tokio::test]
async fn replicas_that_write_at_once_end_with_one_authority() {
    let store = MemoryStore::default();
    let mut replicas: Vec<_> = (0..5).map(|_| replica(&store, short_times())).collect();
    for second in (0..4000).step_by(50) {
        let now = day_one() + seconds(second);
        for _ in 0..3 {
            let before = store.state().writes;
            let mut snapshots = tokio::task::JoinSet::new();
            for (mut controller, serving) in replicas.drain(..) {
                snapshots.spawn(async move {
                    controller.step(now).await.expect("a step");
                    (controller, serving)
                });
            }
            replicas = snapshots.join_all().await;
            assert!(store.state().writes <= before + 1, "they all saw the same; one of them has written");
        }
    }
    let until: Vec<_> = replicas.iter().map(|(_, serving)| serving.not_after()).collect();
    assert!(until.iter().all(|one| one.is_some() && *one == until[0]), "{until:?}");
}

#[tokio::test]
async fn a_replica_that_may_not_publish_is_not_ready() {
    let store = MemoryStore::default();
    let (mut controller, serving) = replica(&store, short_times());
    store.state().configurations_are_closed = true;
    assert_eq!(controller.step(day_one()).await.expect("made"), Action::MakeBoth);
    for _ in 0..3 {
        assert!(matches!(controller.step(day_one()).await, Err(RotationError::Publish(_))));
        assert_eq!(serving.ready(day_one()), Err(NotReady::NotTrusted));
    }
    store.state().configurations_are_closed = false;
    assert_eq!(settle(&mut controller, day_one()).await, [Action::NoteTrust]);
    assert_eq!(serving.ready(day_one()), Ok(()));
}

#[tokio::test]
async fn while_a_new_authority_cannot_be_published_the_old_one_is_served() {
    let store = MemoryStore::default();
    let (mut controller, serving) = replica(&store, short_times());
    for second in (0..1000).step_by(100) {
        settle(&mut controller, day_one() + seconds(second)).await;
    }
    store.state().configurations_are_closed = true;
    let trusted = store.published();
    for second in (1000..1500).step_by(10) {
        let now = day_one() + seconds(second);
        let _ = controller.step(now).await;
        assert!(is_trusted(&trusted, &serving, now), "as long as the old authority itself is good: {second}");
        assert!(serving.not_after() <= Some(day_one() + seconds(1500)), "which no certificate of its outlives");
    }
    store.state().configurations_are_closed = false;
    let now = day_one() + seconds(1499);
    assert_eq!(settle(&mut controller, now).await, [Action::NoteTrust]);
    assert_eq!(settle(&mut controller, now + seconds(60)).await, [Action::Issue], "late, but it goes on from there");
}

#[tokio::test]
async fn a_secret_of_type_tls_is_never_written() {
    let store = MemoryStore::default();
    store.state().secret = Some((7, SecretContents::default()));
    store.state().issued_by_others = true;
    let (mut controller, _) = replica(&store, short_times());
    assert!(matches!(controller.step(day_one()).await, Err(RotationError::IssuedByOthers)));
    assert_eq!(store.state().writes, 0);
}

#[tokio::test]
async fn an_empty_secret_is_filled_and_other_entries_stay() {
    let store = MemoryStore::default();
    let mut laid_out = SecretContents::default();
    laid_out.entries.insert("theirs".to_owned(), b"theirs".to_vec());
    store.state().secret = Some((7, laid_out));
    let (mut controller, serving) = replica(&store, short_times());
    settle(&mut controller, day_one()).await;
    assert_eq!(serving.ready(day_one()), Ok(()));
    assert_eq!(store.contents().entries["theirs"], b"theirs");
}

#[tokio::test]
async fn configurations_that_were_applied_again_get_their_authorities_back_at_the_next_step() {
    let store = MemoryStore::default();
    let (mut controller, _) = replica(&store, short_times());
    settle(&mut controller, day_one()).await;
    let before = store.published();
    store.state().published.clear();
    settle(&mut controller, day_one()).await;
    assert_eq!(store.published(), before);
}

#[tokio::test]
async fn a_damaged_secret_is_replaced_and_the_certificate_in_service_stays_trusted() {
    for (what, lost) in [("tls.key", false), ("tls.crt", false), ("ca.key", false), ("ca.crt", false), ("all", true)] {
        let store = MemoryStore::default();
        let (mut controller, serving) = replica(&store, short_times());
        settle(&mut controller, day_one()).await;
        let (before, until) = (store.published(), serving.not_after());
        store.tamper(|mut contents| {
            contents.entries.insert(what.to_owned(), b"-----BEGIN nothing".to_vec());
            (!lost).then_some(contents)
        });
        let now = day_one() + seconds(100);
        assert_eq!(settle(&mut controller, now).await, [Action::MakeBoth, Action::NoteTrust], "{what}");
        assert!(store.published().ends_with(&before), "{what}: the old authority is still trusted");
        assert_eq!(serving.not_after(), until, "{what}: and its certificate served, until the new one is trusted");
        settle(&mut controller, now + seconds(60)).await;
        assert!(serving.not_after() > until, "{what}");
        settle(&mut controller, now + seconds(150)).await;
        assert!(!store.published().contains(before.trim()), "{what}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_namespace_is_replaced() {
    let store = MemoryStore::default();
    let (mut controller, _) = replica(&store, short_times());
    settle(&mut controller, day_one()).await;
    let mut moved = CertificateController::new(
        store.clone(),
        issue::names("elsewhere"),
        short_times(),
        ServingCertificate::default(),
    );
    assert_eq!(settle(&mut moved, day_one()).await, [Action::MakeBoth, Action::NoteTrust]);
}
