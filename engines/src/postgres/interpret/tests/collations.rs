//! Standbys that sort text by another library than the primary.

use stateful_safety::{Disruption, JudgeInput, Policy, Reason};

use super::{interpret, recorded, workload};
use crate::postgres::MemberAnswers;

/// The images of a minor release moved from one system to the next: only the library that sorts text tells.
#[test]
fn a_standby_that_sorts_text_by_another_library_is_not_made_primary_and_may_go_back() {
    let mut seen = recorded("healthy");
    let sort_with = |seen: &mut Vec<MemberAnswers>, number: usize, column: &str, version: &str| {
        if let Ok(answers) = &mut seen[number].answer {
            answers.server.insert(column.to_owned(), Some(version.to_owned()));
        }
    };
    for number in 0..3 {
        sort_with(&mut seen, number, "c_library", "gnu 2.36");
        sort_with(&mut seen, number, "icu_library", "153.120");
    }
    assert_eq!(interpret(&seen, 1).blockers, []);

    let workload = workload();
    let against = |seen: &[MemberAnswers], disruption: &Disruption| -> Vec<&'static str> {
        let assessment = interpret(seen, 1);
        let known = JudgeInput { workload: &workload, assessment: Some(&assessment), promised: &[] };
        stateful_safety::judge(&Policy::default(), known, disruption, 1).reasons().iter().map(Reason::code).collect()
    };
    let take = |member: &str| Disruption::Take { members: vec![member.to_owned()] };
    let switch_over = Disruption::Switchover { from: "pg-0".to_owned(), to: "pg-1".to_owned() };

    sort_with(&mut seen, 2, "c_library", "gnu 2.41");
    assert!(against(&seen, &switch_over).contains(&"STF-PG-012"));
    assert!(against(&seen, &take("pg-1")).contains(&"STF-PG-012"), "no further standby is given that image");
    assert_eq!(against(&seen, &take("pg-2")), Vec::<&str>::new(), "it may go back");

    sort_with(&mut seen, 1, "icu_library", "unknown");
    assert!(against(&seen, &switch_over).contains(&"STF-PG-012"));
    for member in ["pg-1", "pg-2"] {
        assert_eq!(against(&seen, &take(member)), Vec::<&str>::new(), "{member} may go back");
    }
}
