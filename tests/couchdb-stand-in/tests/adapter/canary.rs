//! A canary beside restarts: nothing acknowledged is lost, and what fewer copies than a quorum took is not acknowledged.

use std::time::{Duration, Instant};

use serde_json::json;
use stateful_engines::Canary;
use stateful_engines::couchdb::Couchdb;
use tokio::sync::watch;

use crate::nodes::{Nodes, PATIENCE};

/// How long is written with all well, and how long with two of three away.
const A_WHILE: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_counts_only_what_a_quorum_has_and_loses_none_of_it() {
    let mut nodes = Nodes::start("canary").await;
    let ((endpoints, seen), (stop, stopped)) = (watch::channel(nodes.endpoints()), watch::channel(false));
    let canary = tokio::spawn(async move { Couchdb::default().run_canary(seen, stopped).await });
    let begun = Instant::now();
    while nodes.ask(0, "GET", "/_all_dbs", &json!(null)).await.1.as_array().is_none_or(Vec::is_empty) {
        assert!(begun.elapsed() < PATIENCE, "it makes no database");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(A_WHILE).await;
    nodes.kill(1);
    nodes.kill(2);
    tokio::time::sleep(A_WHILE).await;
    for number in [1, 2] {
        nodes.run(number);
    }
    endpoints.send_replace(nodes.endpoints());
    nodes.whole().await;
    stop.send_replace(true);
    let ledger = canary.await.expect("it ends").expect("it reads back");
    assert!(ledger.acknowledged > 10, "{ledger:?}");
    assert_eq!(ledger.lost, 0, "{ledger:?}");
    let away = u64::try_from(A_WHILE.as_millis()).expect("milliseconds");
    assert!(ledger.longest_gap >= away, "202 was taken for an acknowledgement: {ledger:?}");
    assert_eq!(nodes.ask(0, "GET", "/_all_dbs", &json!(null)).await.1, json!([]), "it cleans up behind itself");
}
