//! What matters in a switchover of MongoDB beside the laws of every database.

use std::time::Duration;

use mongodb::bson::doc;
use stateful_engines::SwitchoverError;
use tokio::time::sleep;

use crate::common::database::Database;
use crate::common::turns::Measures;
use crate::mongodb::servers::{SERVERS, Servers, name};

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_that_is_behind_is_refused_and_the_primary_leads_on() {
    let servers = Servers::start(Measures::Nothing).await;
    let from = servers.leader().await;
    let behind = (0..SERVERS).find(|number| name(*number) != from).expect("another");
    servers.order(behind, doc! { "configureFailPoint": "rsSyncApplyStop", "mode": "alwaysOn" }).await;
    let primary = servers.connection(servers.number(&from));
    // It lags by what is written from now on.
    let writes = async {
        for written in 0..400 {
            let write = doc! { "insert": "c", "documents": [{ "_id": written }], "writeConcern": { "w": 1 } };
            primary.database("app").run_command(write).await.expect("written");
            sleep(Duration::from_millis(50)).await;
        }
    };
    let to = name(behind);
    let (refused, ()) = tokio::join!(servers.switch_over(&from, &to), writes);
    println!("{refused:?}");
    assert!(matches!(&refused, Err(SwitchoverError::Refused { member, .. }) if *member == to), "{refused:?}");
    servers.order(behind, doc! { "configureFailPoint": "rsSyncApplyStop", "mode": "off" }).await;
    assert_eq!(servers.leader().await, from);
}
