//! Members that do not answer, though their connections are open: a server that hangs, or a network that carries nothing.

use std::time::{Duration, Instant};

use stateful_safety::{Assessment, Sync};

use crate::common::database::{Database, leader_of};
use crate::common::load::Load;
use crate::common::processes::{freeze, thaw};
use crate::common::turns::Measures;

/// An assessment older than this is of no use to the judge (`Policy::max_age`), so it has to be over by then whichever member is silent.
const ASSESSED_WITHIN: Duration = Duration::from_secs(3);

/// What the adapter makes of a database with one member frozen. Panics where that takes too long.
async fn assessed_without<D: Database>(database: &D, silent: usize) -> Assessment {
    let adapter = database.adapter();
    // With the connections open: a member falls silent, it has not gone.
    adapter.assess(&database.endpoints(), 1).await;
    freeze(database.process(silent));
    let begun = Instant::now();
    let assessment = adapter.assess(&database.endpoints(), 1).await;
    let took = begun.elapsed();
    thaw(database.process(silent));
    assert!(took < ASSESSED_WITHIN, "it took {took:?}");
    assessment
}

/// The members that are reported not to answer.
fn silent(assessment: &Assessment) -> Vec<&str> {
    let members = assessment.groups.iter().flat_map(|group| &group.members);
    let silent = members.filter(|member| matches!(member.sync, Sync::Unreachable { .. }));
    silent.map(|member| member.name.as_str()).collect()
}

/// The first group's primary, or the first of equals; and the last member, which does not lead.
fn first_and_last(assessment: &Assessment) -> (String, String) {
    let group = &assessment.groups[0];
    let first = group.primary().or(group.members.first()).expect("members");
    let last = group.members.iter().rfind(|member| member.name != first.name).expect("another member");
    (first.name.clone(), last.name.clone())
}

pub(super) async fn a_silent_member_is_reported_by_name_and_the_others_are_seen<D: Database>() {
    let database = D::start(Measures::Nothing).await;
    let (first, last) = first_and_last(&database.settled().await);
    let assessment = assessed_without(&database, database.number(&last)).await;
    assert_eq!(silent(&assessment), [last.as_str()], "{assessment:#?}");
    let role = |assessment: &Assessment| assessment.member(&first).map(|member| member.role);
    let after = database.settled().await;
    assert_eq!(role(&assessment), role(&after), "{first} goes on as before");
}

pub(super) async fn a_silent_primary_is_reported_and_leads_on_when_it_answers_again<D: Database>() {
    let database = D::start(Measures::Nothing).await;
    let (primary, _) = first_and_last(&database.settled().await);
    let load = Load::begin(database.client()).await;
    let assessment = assessed_without(&database, database.number(&primary)).await;
    assert_eq!(silent(&assessment), [primary.as_str()], "{assessment:#?}");
    assert_eq!(leader_of(&assessment, &primary), None, "nothing is known about who leads");
    load.goes_on().await;
    assert_eq!(leader_of(&database.settled().await, &primary), Some(primary));
    let report = load.finish(&database).await;
    assert_eq!(report.lost, 0, "{report:?}");
}

pub(super) async fn a_switchover_to_a_silent_member_is_refused_and_changes_nothing<D: Database>() {
    let database = D::start(Measures::Nothing).await;
    let before = database.settled().await;
    let (from, to) = first_and_last(&before);
    let load = Load::begin(database.client()).await;
    let process = database.process(database.number(&to));
    freeze(process);
    let refused = database.switch_over(&from, &to).await;
    thaw(process);
    println!("{to} is silent: {refused:?}");
    assert!(refused.is_err(), "{refused:?}");
    load.goes_on().await;
    let after = database.settled().await;
    assert_eq!(leader_of(&after, &from), leader_of(&before, &from));
    let report = load.finish(&database).await;
    assert_eq!((report.lost, report.unknown), (0, 0), "{report:?}");
}
