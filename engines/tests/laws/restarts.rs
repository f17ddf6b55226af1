//! Restarts in which every member is stopped once, as in an upgrade.

use stateful_engines::Prepared;

use crate::common::database::{Database, leader_of};
use crate::common::load::Load;
use crate::common::turns::Measures;

pub(super) async fn restarting_every_member_in_turn_loses_no_acknowledged_write<D: Database>() {
    let mut database = D::start(Measures::Nothing).await;
    for member in database.endpoints().into_iter().map(|endpoint| endpoint.member) {
        let assessment = database.settled().await;
        let load = Load::begin(database.client()).await;
        if leader_of(&assessment, &member).as_ref() == Some(&member) {
            let successor = database.successors(&member).await.remove(0);
            database.switch_over(&member, &successor).await.expect("a switchover");
            database.settled().await;
        }
        prepare(&database, &member).await;
        database.restart(database.number(&member));
        let report = load.finish(&database).await;
        assert_eq!(report.lost, 0, "{member} restarted: {report:?}");
    }
}

/// Prepares a member's restart as a step of a plan does: asked again as often as the adapter says to look again.
async fn prepare<D: Database>(database: &D, member: &str) {
    let adapter = database.adapter();
    while let Prepared::LookAgain(done) = adapter
        .restart_preparation()
        .expect("it prepares restarts")
        .prepare_restart(&database.endpoints(), member)
        .await
        .expect("a restart can be prepared")
    {
        println!("{done}");
    }
}
