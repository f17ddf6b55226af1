//! Orders that are not carried out as they were meant, in the very moment the primary is fenced and stopped.

use std::path::{Path, PathBuf};

use stateful_engines::{CompletedSwitchover, Endpoint, NoClientPause, SwitchoverError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::TcpStream;

use crate::common::database::Database;
use crate::common::load::{Load, Report};
use crate::common::processes::signal;
use crate::common::relay::lead_through;
use crate::common::turns::Measures;
use crate::postgres::faults::{Moment, start_switchover, until};
use crate::postgres::servers::{Servers, name, postmaster};

/// What the order to fence says, and no other.
const FENCES: &[u8] = b">standby.signal";

/// What the order to stop says, and no other.
pub(super) const STOPS: &[u8] = b"kill -INT";

/// What becomes of a message to the server whose data is there.
type Change = fn(&[u8], &Path) -> Vec<u8>;

/// The order to fence is lost, and the server is stopped by another: a node that goes down, a pod that is deleted. Its end is
/// heard as that of any server that was stopped well; but it is no standby, and it comes back as a primary.
fn lost_and_stopped(message: &[u8], data: &Path) -> Vec<u8> {
    if says(message, FENCES) {
        signal("INT", postmaster(data).expect("it runs"));
        return Vec::new();
    }
    message.to_vec()
}

/// The shell that sends the signal does not survive it: a server that stops ends whole process groups (`signal_child`), and
/// answers that the program failed. The shell here ends itself, and the signal arrives later: a busy server still says for a
/// moment that it leads.
fn ended_by_its_own_order(message: &[u8], _: &Path) -> Vec<u8> {
    if !says(message, STOPS) {
        return message.to_vec();
    }
    // A query of the protocol: the letter Q, its length, its text.
    let order = String::from_utf8(message[5..].to_vec()).expect("a query");
    let order = order.replacen("kill -INT", "(sleep 0.5; kill -INT", 1).replacen(")\"'", ")\") & kill -TERM $$'", 1);
    let length = u32::try_from(order.len() + 4).expect("a short one");
    [b"Q".as_slice(), &length.to_be_bytes(), order.as_bytes()].concat()
}

/// The order to stop is lost.
fn lost(message: &[u8], _: &Path) -> Vec<u8> {
    if says(message, STOPS) { Vec::new() } else { message.to_vec() }
}

pub(super) fn says(message: &[u8], order: &[u8]) -> bool {
    message.windows(order.len()).any(|part| part == order)
}

async fn carry(client: TcpStream, server: TcpStream, data: PathBuf, change: Change) {
    let (mut requests, mut to_client) = client.into_split();
    let (mut answers, mut to_server) = server.into_split();
    let answering = tokio::spawn(async move { copy(&mut answers, &mut to_client).await });
    let mut message = vec![0; 65_536];
    while let Ok(length) = requests.read(&mut message).await {
        let carried = change(&message[..length], &data);
        if length == 0 || to_server.write_all(&carried).await.is_err() {
            break;
        }
    }
    drop(answering.await); // it ends with the connection
}

/// The ways to the servers; on the way to the first one messages are changed.
async fn endpoints(servers: &Servers, change: Change) -> Vec<Endpoint> {
    let mut endpoints = servers.endpoints();
    let data = servers.data(0);
    lead_through(&mut endpoints[0], move |client, server| carry(client, server, data.clone(), change)).await;
    endpoints
}

/// What a switchover from the first to the second comes to, which server leads then, and what clients have seen.
async fn switched_over(
    servers: &Servers,
    change: Change,
) -> (Result<CompletedSwitchover, SwitchoverError>, usize, Report) {
    let endpoints = endpoints(servers, change).await;
    let load = Load::start(servers.client());
    let ended = servers
        .adapter()
        .switchover()
        .expect("it switches over")
        .switch_over(&endpoints, &[], &name(0), &name(1), &NoClientPause)
        .await;
    println!("{ended:?}");
    let leader = servers.leader().await;
    (ended, leader, load.finish(servers).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_another_stopped_before_it_was_fenced_is_not_replaced() {
    let servers = Servers::start(Measures::Nothing).await;
    let (ended, leader, report) = switched_over(&servers, lost_and_stopped).await;
    assert!(matches!(ended, Err(SwitchoverError::Refused { .. })), "{ended:?}");
    assert_eq!((leader, report.lost), (0, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_to_stop_that_ends_its_own_shell_has_stopped_the_primary() {
    let servers = Servers::start(Measures::Nothing).await;
    let (ended, leader, report) = switched_over(&servers, ended_by_its_own_order).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((leader, report.lost), (1, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_was_fenced_and_never_stopped_leads_after_its_next_start_once_the_fence_is_taken_back() {
    let servers = Servers::start(Measures::Nothing).await;
    let dying = start_switchover(&servers, endpoints(&servers, lost).await);
    until(&servers, Moment::Fenced, 0, 1).await;
    dying.abort();
    let adapter = servers.adapter();
    let done = adapter.restart_preparation().expect("it prepares restarts").take_back(&servers.endpoints(), &[]).await;
    assert!(matches!(&done[..], [one, _] if one.contains("pg-0 is the primary and was fenced")), "{done:?}");
    assert!(matches!(&done[..], [_, one] if one.contains("pg-2 would have followed the successor")), "{done:?}");
    assert_eq!(
        adapter.restart_preparation().expect("it prepares restarts").take_back(&servers.endpoints(), &[]).await,
        Vec::<String>::new()
    );
    assert!(servers.data(1).join("standby.signal").exists(), "a standby has lost its own");
    signal("INT", servers.process(0));
    assert_eq!(servers.leader().await, 0);
}
