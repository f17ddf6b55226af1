//! Every transition of a rotation.

use super::*;
use crate::certificates::rotation::{Action, Facts, next};

/// Authorities by their ages, the newest first; then the certificate's age, who signed it, and for how long the newest
/// authority has been trusted. In seconds.
fn facts(authorities: &[i64], certificate: i64, signed_by: usize, trusted: Option<i64>) -> Facts {
    let times = short_times();
    let aged = |age: i64, life| Lifetime::starting(day_one() - seconds(age), life);
    Facts {
        authorities: authorities.iter().map(|age| aged(*age, times.authority)).collect(),
        certificate: aged(certificate, times.certificate),
        signed_by,
        trusted_since: trusted.map(|age| day_one() - seconds(age)),
    }
}

#[test]
fn every_transition_of_a_rotation() {
    let cases = [
        ("nothing there", None, Action::MakeBoth),
        ("just made", Some(facts(&[0], 0, 0, None)), Action::NoteTrust),
        ("trusted", Some(facts(&[0], 0, 0, Some(0))), Action::Nothing),
        ("certificate not yet due", Some(facts(&[399], 399, 0, Some(399))), Action::Nothing),
        ("certificate due", Some(facts(&[400], 400, 0, Some(400))), Action::Issue),
        ("certificate over", Some(facts(&[600], 600, 0, Some(600))), Action::Issue),
        ("authority not yet due", Some(facts(&[999], 100, 0, Some(999))), Action::Nothing),
        ("authority due", Some(facts(&[1000], 100, 0, Some(1000))), Action::AddAuthority),
        ("both due", Some(facts(&[1000], 400, 0, Some(1000))), Action::AddAuthority),
        ("authority over", Some(facts(&[1500], 100, 0, Some(1500))), Action::MakeBoth),
        ("next added", Some(facts(&[0, 1000], 100, 1, None)), Action::NoteTrust),
        ("next trusted", Some(facts(&[5, 1005], 100, 1, Some(0))), Action::Nothing),
        ("next nearly settled", Some(facts(&[64, 1064], 100, 1, Some(59))), Action::Nothing),
        ("next settled", Some(facts(&[65, 1065], 100, 1, Some(60))), Action::Issue),
        ("next not settled, certificate due", Some(facts(&[64, 1064], 590, 1, Some(59))), Action::Nothing),
        ("next added, old one over", Some(facts(&[500, 1500], 100, 1, None)), Action::Issue),
        ("served by next", Some(facts(&[65, 1065], 0, 0, Some(60))), Action::Nothing),
        ("served by next, nearly everywhere", Some(facts(&[154, 1154], 89, 0, Some(149))), Action::Nothing),
        ("served by next everywhere", Some(facts(&[155, 1155], 90, 0, Some(150))), Action::DropOlder),
        ("made anew, trusted lately", Some(facts(&[900, 999], 300, 0, Some(149))), Action::Nothing),
        ("made anew, trusted for long", Some(facts(&[900, 999], 300, 0, Some(150))), Action::DropOlder),
        ("old one over, no longer served", Some(facts(&[600, 1500], 200, 0, Some(590))), Action::DropOlder),
        ("three, certificate due, drop first", Some(facts(&[1000, 1100, 1200], 400, 0, Some(900))), Action::DropOlder),
        ("certificate due before the drop", Some(facts(&[900, 999], 400, 0, Some(100))), Action::Issue),
        ("signed by no known authority", Some(facts(&[0], 0, 1, Some(0))), Action::MakeBoth),
        ("clock behind that of who wrote it", Some(facts(&[-30, 970], 100, 1, Some(-30))), Action::Nothing),
    ];
    for (case, facts, action) in cases {
        assert_eq!(next(facts.as_ref(), day_one(), &short_times()), action, "{case}");
    }
}

#[test]
fn a_certificate_that_is_not_trusted_everywhere_replaces_none_that_is() {
    let may = |facts: &Facts| facts.may_replace(day_one(), &short_times());
    assert!(!may(&facts(&[0], 0, 0, None)), "not trusted");
    assert!(!may(&facts(&[60], 60, 0, Some(59))), "not by every API server yet");
    assert!(may(&facts(&[60], 60, 0, Some(60))), "trusted");
    assert!(may(&facts(&[0, 900], 500, 1, None)), "trusted for long, by an older authority");
}

#[test]
fn however_short_the_lives_a_rotation_is_over_before_the_next_is_due() {
    for life in [6, 12, 60, 3600, 90 * 24 * 3600] {
        let RotationTimes { authority, certificate, settle, lag, beat } = RotationTimes::of(seconds(life));
        assert!(beat * 2 <= settle, "{life}: seen before it has settled");
        assert!(settle + lag + beat * 4 < certificate / 3 * 2, "{life}: no renewal within a rotation");
        assert!(settle + lag + beat * 4 < authority / 3, "{life}: over before the old authority runs out");
    }
}
