//! Records what stand-ins say, for the tests of `interpret`: `UPDATE_RECORDED=1 cargo test -p couchdb-stand-in record`. A case
//! is the members' answers at one moment, word for word, and its name says who gave them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use stateful_engines::couchdb::{Couchdb, Seen, interpret};

use crate::nodes::{Nodes, PATIENCE};

/// Asks until what is said is what the case is about, and writes it down.
async fn record(nodes: &Nodes, case: &str, about: impl Fn(&[Seen]) -> bool) {
    let engine = Couchdb::default();
    let begun = Instant::now();
    let seen = loop {
        let seen = engine.observe(&nodes.endpoints()).await;
        if about(&seen) {
            break seen;
        }
        assert!(begun.elapsed() < PATIENCE, "{case}: {:#?}", interpret(&seen, 1));
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../engines/src/couchdb/recorded");
    let text = serde_json::to_string_pretty(&seen).expect("text");
    fs::write(path.join(format!("stand-in-{case}.json")), format!("{text}\n")).expect("a file");
}

fn is_whole(seen: &[Seen]) -> bool {
    let assessment = interpret(seen, 1);
    assessment.blockers.is_empty() && seen.iter().all(|seen| seen.answer.is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn record_what_stand_ins_say() {
    if std::env::var_os("UPDATE_RECORDED").is_none() {
        return;
    }
    let mut nodes = Nodes::start("record").await;
    record(&nodes, "no-databases", is_whole).await;
    nodes.ask(0, "PUT", "/shop", &json!(null)).await;
    record(&nodes, "healthy", is_whole).await;
    let mode = "/_node/_local/_config/couchdb/maintenance_mode";
    for case in ["nolb", "true"] {
        nodes.ask(1, "PUT", mode, &json!(case)).await;
        record(&nodes, &format!("maintenance-{case}"), |seen| !interpret(seen, 1).blockers.is_empty()).await;
    }
    nodes.ask(1, "DELETE", mode, &json!(null)).await;
    nodes.ask(0, "PUT", "/single?q=2&n=1", &json!(null)).await;
    record(&nodes, "a-database-of-single-copies", is_whole).await;
    nodes.ask(0, "DELETE", "/single", &json!(null)).await;
    nodes.kill(2);
    let alone = |seen: &[Seen]| seen[2].answer.is_err() && interpret(seen, 1).blockers.is_empty();
    record(&nodes, "one-is-away", alone).await;
    for number in 0..2 {
        nodes.kill(number);
    }
    nodes.run(0);
    record(&nodes, "one-alone", |seen| seen[0].answer.is_ok()).await;
}
