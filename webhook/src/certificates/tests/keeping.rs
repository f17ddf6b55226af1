//! What a replica does to the Secret and the configurations, and what it takes into service.

use super::*;
use crate::certificates::keeper::Unkept;
use crate::certificates::rotation::Deed;
use crate::certificates::serving::Unready;

/// Looks until there is nothing to do at this time; says what was done.
async fn settle(keeper: &mut Keeper<MemoryRing>, now: Timestamp) -> Vec<Deed> {
    let mut deeds = Vec::new();
    loop {
        match keeper.step(now).await.expect("a look") {
            Deed::Nothing => return deeds,
            deed => deeds.push(deed),
        }
    }
}

#[tokio::test]
async fn a_rotation_trusts_before_it_signs_and_drops_after_it_served() {
    let ring = MemoryRing::default();
    let (mut keeper, serving) = replica(&ring, short_terms());
    assert_eq!(serving.ready(day_one()), Err(Unready::NoCertificate));
    let mut told = Vec::new();
    for second in (0..1500).step_by(10) {
        let now = day_one() + seconds(second);
        told.extend(settle(&mut keeper, now).await.into_iter().map(|deed| (second, deed)));
        assert_eq!(serving.ready(now), Ok(()), "after {second} s");
        let authorities = ring.published().matches("BEGIN").count();
        assert_eq!(authorities, if (1000..1150).contains(&second) { 2 } else { 1 }, "after {second} s");
    }
    let expected = [
        (0, Deed::MakeBoth),
        (0, Deed::NoteTrust),
        (400, Deed::Issue),
        (800, Deed::Issue),
        (1000, Deed::AddAuthority),
        (1000, Deed::NoteTrust),
        (1060, Deed::Issue),
        (1150, Deed::DropOlder),
        (1460, Deed::Issue),
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn replicas_that_write_at_once_end_with_one_authority() {
    let ring = MemoryRing::default();
    let mut replicas: Vec<_> = (0..5).map(|_| replica(&ring, short_terms())).collect();
    for second in (0..4000).step_by(50) {
        let now = day_one() + seconds(second);
        for _ in 0..3 {
            let before = ring.state().writes;
            let mut snapshots = tokio::task::JoinSet::new();
            for (mut keeper, serving) in replicas.drain(..) {
                snapshots.spawn(async move {
                    keeper.step(now).await.expect("a look");
                    (keeper, serving)
                });
            }
            replicas = snapshots.join_all().await;
            assert!(ring.state().writes <= before + 1, "they all saw the same; one of them has written");
        }
    }
    let until: Vec<_> = replicas.iter().map(|(_, serving)| serving.not_after()).collect();
    assert!(until.iter().all(|one| one.is_some() && *one == until[0]), "{until:?}");
}

#[tokio::test]
async fn without_the_right_to_publish_nobody_is_told_we_are_ready() {
    let ring = MemoryRing::default();
    let (mut keeper, serving) = replica(&ring, short_terms());
    ring.state().configurations_are_closed = true;
    assert_eq!(keeper.step(day_one()).await.expect("made"), Deed::MakeBoth);
    for _ in 0..3 {
        assert!(matches!(keeper.step(day_one()).await, Err(Unkept::Publish(_))));
        assert_eq!(serving.ready(day_one()), Err(Unready::NotTrusted));
    }
    ring.state().configurations_are_closed = false;
    assert_eq!(settle(&mut keeper, day_one()).await, [Deed::NoteTrust]);
    assert_eq!(serving.ready(day_one()), Ok(()));
}

#[tokio::test]
async fn while_a_new_authority_cannot_be_published_the_old_one_is_served() {
    let ring = MemoryRing::default();
    let (mut keeper, serving) = replica(&ring, short_terms());
    for second in (0..1000).step_by(100) {
        settle(&mut keeper, day_one() + seconds(second)).await;
    }
    ring.state().configurations_are_closed = true;
    let trusted = ring.published();
    for second in (1000..1500).step_by(10) {
        let now = day_one() + seconds(second);
        let _ = keeper.step(now).await;
        assert!(is_trusted(&trusted, &serving, now), "as long as the old authority itself is good: {second}");
        assert!(serving.not_after() <= Some(day_one() + seconds(1500)), "which no certificate of its outlives");
    }
    ring.state().configurations_are_closed = false;
    let now = day_one() + seconds(1499);
    assert_eq!(settle(&mut keeper, now).await, [Deed::NoteTrust]);
    assert_eq!(settle(&mut keeper, now + seconds(60)).await, [Deed::Issue], "late, but it goes on from there");
}

#[tokio::test]
async fn a_secret_that_somebody_else_issues_is_never_written() {
    let ring = MemoryRing::default();
    ring.state().secret = Some((7, Contents::default()));
    ring.state().issued_by_others = true;
    let (mut keeper, _) = replica(&ring, short_terms());
    assert!(matches!(keeper.step(day_one()).await, Err(Unkept::IssuedByOthers)));
    assert_eq!(ring.state().writes, 0);
}

#[tokio::test]
async fn an_empty_secret_is_filled_and_what_others_keep_in_it_stays() {
    let ring = MemoryRing::default();
    let mut laid_out = Contents::default();
    laid_out.entries.insert("theirs".to_owned(), b"theirs".to_vec());
    ring.state().secret = Some((7, laid_out));
    let (mut keeper, serving) = replica(&ring, short_terms());
    settle(&mut keeper, day_one()).await;
    assert_eq!(serving.ready(day_one()), Ok(()));
    assert_eq!(ring.contents().entries["theirs"], b"theirs");
}

#[tokio::test]
async fn configurations_that_were_written_anew_are_mended_at_the_next_look() {
    let ring = MemoryRing::default();
    let (mut keeper, _) = replica(&ring, short_terms());
    settle(&mut keeper, day_one()).await;
    let before = ring.published();
    ring.state().published.clear();
    settle(&mut keeper, day_one()).await;
    assert_eq!(ring.published(), before);
}

#[tokio::test]
async fn a_secret_that_was_spoilt_is_made_anew_and_what_is_served_stays_trusted() {
    for (what, lost) in [("tls.key", false), ("tls.crt", false), ("ca.key", false), ("ca.crt", false), ("all", true)] {
        let ring = MemoryRing::default();
        let (mut keeper, serving) = replica(&ring, short_terms());
        settle(&mut keeper, day_one()).await;
        let (before, until) = (ring.published(), serving.not_after());
        ring.tamper(|mut contents| {
            contents.entries.insert(what.to_owned(), b"-----BEGIN nothing".to_vec());
            (!lost).then_some(contents)
        });
        let now = day_one() + seconds(100);
        assert_eq!(settle(&mut keeper, now).await, [Deed::MakeBoth, Deed::NoteTrust], "{what}");
        assert!(ring.published().ends_with(&before), "{what}: the old authority is still trusted");
        assert_eq!(serving.not_after(), until, "{what}: and its certificate served, until the new one is trusted");
        settle(&mut keeper, now + seconds(60)).await;
        assert!(serving.not_after() > until, "{what}");
        settle(&mut keeper, now + seconds(150)).await;
        assert!(!ring.published().contains(before.trim()), "{what}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_namespace_is_made_anew() {
    let ring = MemoryRing::default();
    let (mut keeper, _) = replica(&ring, short_terms());
    settle(&mut keeper, day_one()).await;
    let mut moved = Keeper::new(ring.clone(), issue::names("elsewhere"), short_terms(), Serving::default());
    assert_eq!(settle(&mut moved, day_one()).await, [Deed::MakeBoth, Deed::NoteTrust]);
}
