//! The judge about a switchover that was interrupted.

use super::{against, blocker, switch_over, three_shards};
use crate::judge::Disruption;
use crate::model::{Assessment, Blocks, Effect, Passes, Role, Sync};

/// A switchover that was interrupted: p0 is a standby already, r00 not yet a primary.
fn interrupted() -> (Assessment, Disruption) {
    let mut assessment = three_shards();
    for member in &mut assessment.groups[0].members {
        member.role = Role::Replica;
        member.sync = Sync::Behind { why: "its primary does not answer".to_owned() };
    }
    let none_leads = Effect::new(Blocks::Everything, Passes::ByItself);
    assessment.blockers.push(blocker("STF-DB-018", none_leads));
    (assessment, Disruption::FinishSwitchover { from: "p0".to_owned(), to: "r00".to_owned() })
}

#[test]
fn an_interrupted_switchover_is_finished_only_while_there_is_no_primary() {
    let (mut assessment, finish) = interrupted();
    assert!(against(&assessment, &finish).is_empty());
    assert!(!against(&assessment, &switch_over("p0", "r00")).is_empty(), "no new switchover begins there");
    let other = Disruption::FinishSwitchover { from: "p0".to_owned(), to: "r10".to_owned() };
    assert!(against(&assessment, &other).contains(&"STF-DB-014"), "not into another group");
    assessment.groups[0].members[1].role = Role::Primary;
    assert_eq!(against(&assessment, &finish), ["STF-DB-014"], "there is a primary again");
    assessment.groups[0].members[0].role = Role::Primary;
    let two_lead = Effect::new(Blocks::Everything, Passes::Never).and_finishing();
    assessment.blockers = vec![blocker("STF-DB-029", two_lead)];
    assert!(against(&assessment, &finish).contains(&"STF-DB-029"), "there are two primaries");
}

#[test]
fn the_risk_of_a_second_writer_keeps_a_switchover_from_being_finished() {
    let (mut assessment, finish) = interrupted();
    let led_by_other = Effect::new(Blocks::Switchover, Passes::Never).and_finishing();
    assessment.blockers.push(blocker("STF-XX-007", led_by_other));
    assert_eq!(against(&assessment, &finish), ["STF-XX-007"]);
}
