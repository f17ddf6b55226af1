//! Records what stand-ins answer, for the tests of `interpret`: `make record`. A case's name says that stand-ins answered.

use serde_json::json;
use stateful_engines::couchdb::{Couchdb, MemberAnswers, interpret};

use crate::common::database::Database;
use crate::common::recording::{ask_until, write};
use crate::common::turns::Measures;
use crate::couchdb::nodes::Nodes;

/// Asks until the answers are what the case is about, and writes them down.
async fn record(nodes: &Nodes, case: &str, is_about: impl Fn(&[MemberAnswers]) -> bool) {
    let adapter = Couchdb::default();
    let seen = ask_until(case, async || adapter.observe(&nodes.endpoints()).await, is_about).await;
    write("couchdb", &format!("stand-in-{case}"), &seen, Some("secret"));
}

fn is_settled(seen: &[MemberAnswers]) -> bool {
    interpret(seen, 1).blockers.is_empty() && seen.iter().all(|seen| seen.answer.is_ok())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes engines/src/couchdb/recorded: `make record`"]
async fn record_what_stand_ins_answer() {
    let mut nodes = Nodes::start(Measures::Time).await;
    record(&nodes, "no-databases", is_settled).await;
    nodes.ask(0, "PUT", "/shop", &json!(null)).await;
    record(&nodes, "healthy", is_settled).await;
    let mode = "/_node/_local/_config/couchdb/maintenance_mode";
    for case in ["nolb", "true"] {
        nodes.ask(1, "PUT", mode, &json!(case)).await;
        record(&nodes, &format!("maintenance-{case}"), |seen| !interpret(seen, 1).blockers.is_empty()).await;
    }
    nodes.ask(1, "DELETE", mode, &json!(null)).await;
    nodes.ask(0, "PUT", "/single?q=2&n=1", &json!(null)).await;
    record(&nodes, "a-database-of-single-copies", is_settled).await;
    nodes.ask(0, "DELETE", "/single", &json!(null)).await;
    nodes.kill(2);
    let one_away = |seen: &[MemberAnswers]| seen[2].answer.is_err() && interpret(seen, 1).blockers.is_empty();
    record(&nodes, "one-is-away", one_away).await;
    for number in 0..2 {
        nodes.kill(number);
    }
    nodes.run(0);
    record(&nodes, "one-alone", |seen| seen[0].answer.is_ok()).await;
}
