//! A canary beside restarts: nothing acknowledged is lost, and what fewer copies than a quorum took is not acknowledged.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::common::PATIENCE;
use crate::common::database::Database;
use crate::common::turns::Measures;
use crate::couchdb::nodes::Nodes;

/// How long is written while all is well, and how long with two of three nodes away.
const A_WHILE: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_counts_only_what_a_quorum_has_and_loses_none_of_it() {
    let mut nodes = Nodes::start(Measures::Nothing).await;
    let ((endpoints, seen), (stop, stopped)) = (watch::channel(nodes.endpoints()), watch::channel(false));
    let adapter = nodes.adapter();
    let canary =
        tokio::spawn(async move { adapter.canary().expect("it has a canary").run_canary(seen, stopped).await });
    let begun = Instant::now();
    while nodes.ask(0, "GET", "/_all_dbs", &json!(null)).await.1.as_array().is_none_or(Vec::is_empty) {
        assert!(begun.elapsed() < PATIENCE, "it makes no database");
        sleep(Duration::from_millis(20)).await;
    }
    sleep(A_WHILE).await;
    nodes.kill(1);
    nodes.kill(2);
    sleep(A_WHILE).await;
    for number in [1, 2] {
        nodes.run(number);
    }
    endpoints.send_replace(nodes.endpoints());
    nodes.settled().await;
    stop.send_replace(true);
    let ledger = canary.await.expect("it ends").expect("it reads back");
    assert!(ledger.acknowledged > 10, "{ledger:?}");
    assert_eq!(ledger.lost, 0, "{ledger:?}");
    let away = u64::try_from(A_WHILE.as_millis()).expect("milliseconds");
    assert!(ledger.longest_gap >= away, "202 was taken for an acknowledgement: {ledger:?}");
    assert_eq!(nodes.canary_leftovers().await, Vec::<String>::new(), "it cleans up behind itself");
}
