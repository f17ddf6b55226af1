//! What matters in a switchover of MongoDB beside the laws of every database.

use std::time::Duration;

<<<<<<< HEAD
use mongodb::bson::doc;
use stateful_engines::SwitchoverError;
use tokio::time::sleep;

use crate::common::database::Database;
use crate::common::turns::Measures;
use crate::mongodb::servers::{SERVERS, Servers, name};
=======
use mongodb::bson::{Document, doc};
use stateful_engines::mongodb::Mongodb;
use stateful_engines::{Canary, Switchover};
use stateful_engines::{NoClientPause, SwitchoverError};
use stateful_safety::Role;
use tokio::sync::watch;

use crate::servers::{Servers, name};

/// Shorter than the second that a secondary sleeps which looks for somebody to read from.
const SHORT: u64 = 700;

async fn leader(servers: &Servers) -> String {
    let assessment = servers.whole().await;
    let members = &assessment.groups[0].members;
    members.iter().find(|member| member.role == Role::Primary).expect("a primary").name.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_over_loses_no_write_and_nobody_waits_for_a_second() {
    let Some(servers) = Servers::start() else { return };
    servers.found([Document::new(), Document::new(), Document::new()]).await;
    let engine = Mongodb::default();
    let (_doors, endpoints) = watch::channel(servers.endpoints());
    let (stop, stopped) = watch::channel(false);
    let canary = engine.run_canary(endpoints, stopped);
    let moves = async {
        for round in 0..4 {
            let from = leader(&servers).await;
            // Each of the others in turn, whether the primary would have chosen it or not.
            let to = (0..3).map(name).filter(|member| *member != from).nth(round % 2).expect("another");
            let moved = engine.switch_over(&servers.endpoints(), &[], &from, &to, &NoClientPause).await;
            eprintln!("{from} to {to}: {moved:?}");
            assert!(moved.is_ok(), "{moved:?}");
            assert_eq!(leader(&servers).await, to);
        }
        stop.send_replace(true);
    };
    let (ledger, ()) = tokio::join!(canary, moves);
    let ledger = ledger.expect("a ledger");
    eprintln!("{ledger:?}");
    assert!(ledger.acknowledged > 100 && ledger.lost == 0 && ledger.failed == 0 && ledger.unknown == 0, "{ledger:?}");
    assert!(ledger.longest_gap < SHORT, "{ledger:?}");
}
>>>>>>> engines-room

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
