//! A restart is prepared in the running process alone, and what was prepared can be taken back by another process.

use serde_json::json;
use stateful_engines::Prepared;
use stateful_engines::couchdb::conditions::MAINTENANCE_MODE_NOLB;
use stateful_safety::Blocker;

use crate::common::database::Database;
use crate::common::turns::Measures;
use crate::couchdb::nodes::{Nodes, name};

const MODE: &str = "/_node/_local/_config/couchdb/maintenance_mode";

fn is_away(blockers: &[Blocker], number: usize) -> bool {
    blockers.contains(&MAINTENANCE_MODE_NOLB.found(&[("member", &name(number)), ("mode", &"nolb")]))
}

#[tokio::test(flavor = "multi_thread")]
async fn before_a_restart_a_node_leaves_its_load_balancers_and_the_restart_brings_it_back() {
    let mut nodes = Nodes::start(Measures::Nothing).await;
    let adapter = nodes.adapter();
    let prepared = adapter
        .restart_preparation()
        .expect("it prepares restarts")
        .prepare_restart(&nodes.endpoints(), &name(1))
        .await
        .expect("it is prepared");
    assert!(matches!(prepared, Prepared::LookAgain(_)), "{prepared:?}");
    assert_eq!(nodes.ask(1, "GET", "/_up", &json!(null)).await, (404, json!({"status": "nolb"})));
    assert!(is_away(&nodes.assess().await.blockers, 1));
    assert_eq!(
        nodes.ask(1, "PUT", "/shop", &json!(null)).await.0,
        201,
        "it goes on answering clients that are connected"
    );
    let again = adapter
        .restart_preparation()
        .expect("it prepares restarts")
        .prepare_restart(&nodes.endpoints(), &name(1))
        .await
        .expect("it is prepared");
    assert!(matches!(again, Prepared::OnceNotReady(_)), "{again:?}");
    nodes.kill(1);
    nodes.run(1);
    nodes.settled().await;
    assert_eq!(nodes.ask(1, "GET", "/_up", &json!(null)).await.0, 200);
    assert_eq!(
        adapter.restart_preparation().expect("it prepares restarts").take_back(&nodes.endpoints(), &[]).await,
        Vec::<String>::new(),
        "there is nothing left of it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepared_is_taken_back_by_another_process_and_what_others_set_is_left_alone() {
    let nodes = Nodes::start(Measures::Nothing).await;
    nodes
        .adapter()
        .restart_preparation()
        .expect("it prepares restarts")
        .prepare_restart(&nodes.endpoints(), &name(0))
        .await
        .expect("it is prepared");
    assert_eq!(nodes.ask(2, "PUT", MODE, &json!("nolb")).await.0, 200);
    let blockers = nodes.assess().await.blockers;
    assert!(is_away(&blockers, 0) && is_away(&blockers, 2), "{blockers:?}");
    // Another process, on another machine.
    let done =
        nodes.adapter().restart_preparation().expect("it prepares restarts").take_back(&nodes.endpoints(), &[]).await;
    assert_eq!(done, ["couchdb-0 is out of maintenance mode (nolb) again"]);
    let blockers = nodes.assess().await.blockers;
    assert!(!is_away(&blockers, 0), "{blockers:?}");
    assert!(is_away(&blockers, 2), "that was not set by us: {blockers:?}");
    assert_eq!(nodes.ask(0, "GET", MODE, &json!(null)).await.0, 404, "nothing is set that was not before");
    assert_eq!(
        nodes.adapter().restart_preparation().expect("it prepares restarts").take_back(&nodes.endpoints(), &[]).await,
        Vec::<String>::new(),
        "twice is once"
    );
}

/// Where a server keeps all the same what it was asked not to, the mark is kept with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_mode_that_outlived_the_restart_is_taken_back_all_the_same() {
    let mut nodes = Nodes::start(Measures::Nothing).await;
    let mark = "/_node/_local/_config/kubectl_stateful/maintenance_mode_before";
    assert_eq!(nodes.ask(1, "PUT", mark, &json!("")).await.0, 200);
    assert_eq!(nodes.ask(1, "PUT", MODE, &json!("nolb")).await.0, 200);
    nodes.kill(1);
    nodes.run(1);
    nodes.until("it is back, and away from its load balancers", |seen| is_away(&seen.blockers, 1)).await;
    assert_eq!(
        nodes
            .adapter()
            .restart_preparation()
            .expect("it prepares restarts")
            .take_back(&nodes.endpoints(), &[])
            .await
            .len(),
        1
    );
    nodes.settled().await;
}
