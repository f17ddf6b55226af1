//! When a primary is the only copy of its data, so that no switchover will ever make it safe to take.

use std::sync::Arc;

use super::tests::{NOW, against, take, three_shards, workload};
use super::{JudgeInput, judge};
use crate::model::Policy;
use crate::reasons::Reason;

#[test]
fn the_only_copy_is_told_from_a_primary_that_can_hand_over() {
    let mut assessment = three_shards();
    assessment.groups[0].members.truncate(1);
    assert_eq!(against(&assessment, &take(&["p0"])), ["STF-DB-022", "STF-DB-008"]);
    // A member that is declared and not there, or there and in no group yet, may be the other copy: that passes.
    let mut missing = workload(&assessment);
    missing.replicas += 1;
    let mut unknown = workload(&assessment);
    Arc::make_mut(&mut unknown.members[1]).name = "stray".to_owned();
    for workload in [missing, unknown] {
        let known = JudgeInput { workload: &workload, assessment: Some(&assessment), promised: &[] };
        let verdict = judge(&Policy::default(), known, &take(&["p0"]), NOW);
        let codes: Vec<_> = verdict.reasons().iter().map(Reason::code).collect();
        assert_eq!(codes, ["STF-DB-007", "STF-DB-008"]);
    }
}
