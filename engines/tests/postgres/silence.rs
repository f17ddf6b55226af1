//! A connection that falls silent in the middle of a switchover: nothing comes over it and no error either, however well its
//! server is. A port-forward through a busy API server can do that.

use std::time::Duration;

use stateful_engines::{NoClientPause, SwitchoverError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::common::database::Database;
use crate::common::load::{Load, Report};
use crate::common::relay::lead_through;
use crate::common::turns::Measures;
use crate::postgres::faults::{Moment, until};
use crate::postgres::order_lost::{STOPS, says};
use crate::postgres::servers::{Servers, name};

/// A question that is not answered, and the same over a new connection.
const ASKED_AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// A replication connection that hears nothing (10 s), and both servers asked anew; not an order that is never confirmed, which
/// stops no server, nor the two minutes after which it would be unknown which server leads.
const FOUND_OUT_WITHIN: Duration = Duration::from_secs(15);

/// When a connection falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Falls {
    /// When it is told to.
    Told,
    /// When the order to stop has gone through.
    AfterTheOrder,
    /// When the order to stop comes, which then never reaches the server.
    BeforeTheOrder,
}

/// Carries a connection until it is silenced; both its ends then stay open until the law is over.
async fn carry(mut client: TcpStream, mut server: TcpStream, silenced: watch::Sender<u32>, falls: Falls) {
    let mut silence = silenced.subscribe();
    let (mut request, mut answer) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut request) => {
                let Some(message) = part(&request, read) else { return };
                let stops = falls != Falls::Told && says(message, STOPS);
                if !(stops && falls == Falls::BeforeTheOrder) && server.write_all(message).await.is_err() {
                    return;
                }
                if stops {
                    silenced.send_modify(|times| *times += 1);
                }
            }
            read = server.read(&mut answer) => {
                let Some(message) = part(&answer, read) else { return };
                if client.write_all(message).await.is_err() {
                    return;
                }
            }
            _ = silence.changed() => break,
        }
    }
    drop(silence.wait_for(|_| false).await); // never, until the sender has gone
}

/// What was read; nothing at the end.
fn part(buffer: &[u8], read: std::io::Result<usize>) -> Option<&[u8]> {
    read.ok().and_then(|length| buffer.get(..length)).filter(|message| !message.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_in_the_pause_is_replaced_and_the_switchover_goes_through() {
    let servers = Servers::start(Measures::Nothing).await;
    // The successor's, which is asked whether it has everything; then the old primary's, whose end is not heard.
    let cases = [(0, 1, 1, Falls::Told, ASKED_AGAIN_WITHIN), (1, 2, 1, Falls::AfterTheOrder, FOUND_OUT_WITHIN)];
    for (from, to, silent, falls, felt) in cases {
        let (ended, leader, report) = switched_over(&servers, (from, to), silent, falls).await;
        assert_eq!((leader, report.lost), (to, 0), "{ended:?}");
        assert!(report.longest_gap < felt, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_before_the_order_to_stop_leaves_the_old_primary_writing() {
    let servers = Servers::start(Measures::Nothing).await;
    let (ended, leader, report) = switched_over(&servers, (0, 1), 0, Falls::BeforeTheOrder).await;
    assert!(matches!(ended, Err(SwitchoverError::NotMoved { .. })), "{ended:?}");
    assert_eq!((leader, report.lost), (0, 0), "{ended:?}");
    assert!(!servers.data(0).join("standby.signal").exists(), "its next start would make it a standby");
}

/// What a switchover comes to on whose way the connection to one server falls silent, which server leads then, and what clients
/// have seen.
async fn switched_over(
    servers: &Servers,
    (from, to): (usize, usize),
    silent: usize,
    falls: Falls,
) -> (Result<Duration, SwitchoverError>, usize, Report) {
    let mut endpoints = servers.endpoints();
    let silenced = watch::Sender::new(0);
    // New connections are not silenced.
    let carried = silenced.clone();
    lead_through(&mut endpoints[silent], move |client, server| carry(client, server, carried.clone(), falls)).await;
    let load = Load::start(servers.client());
    let (adapter, old, new) = (servers.adapter(), name(from), name(to));
    let switching = tokio::spawn(async move {
        adapter.switchover().expect("it switches over").switch_over(&endpoints, &[], &old, &new, &NoClientPause).await
    });
    if falls == Falls::Told {
        until(servers, Moment::Fenced, from, to).await;
        silenced.send_modify(|times| *times += 1);
    }
    let ended = switching.await.expect("an end").map(|done| done.took);
    let leader = servers.leader().await;
    let report = load.finish(servers).await;
    println!("{} silent, {falls:?}: {ended:?}, {report:?}", name(silent));
    (ended, leader, report)
}
