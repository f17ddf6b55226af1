//! Orders that are not carried out as they were meant, in the very moment the primary is fenced and stopped.

use std::fs;
use std::path::{Path, PathBuf};

use stateful_engines::postgres::Postgres;
use stateful_engines::{CompletedSwitchover, Endpoint, NoClientPause, SwitchoverError};
use stateful_engines::{RestartPreparation, Switchover};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::clients::{Clients, Report};
use crate::faults::{Moment, leader, moment};
use crate::programs::signal;
use crate::servers::{Servers, name};
use crate::switchover::ANY;

/// What the order to fence says, and no other.
const FENCES: &[u8] = b">standby.signal";

/// What the order to stop says, and no other.
pub(crate) const STOPS: &[u8] = b"kill -INT";

/// What becomes of something said to the server whose data is there.
type Meddling = fn(&[u8], &Path) -> Vec<u8>;

/// The order to fence is lost, and somebody else stops the server: a node that goes down, a pod that is deleted. Its end is
/// heard as that of any server that was stopped well; but nobody made it a standby, and it comes back writing.
fn lost_and_stopped(said: &[u8], data: &Path) -> Vec<u8> {
    if says(said, FENCES) {
        signal("INT", postmaster(data));
        return Vec::new();
    }
    said.to_vec()
}

/// The shell that sends the signal does not survive it: a server that stops ends whole process groups (`signal_child`), and
/// answers that the program failed. The shell here ends itself, and the signal arrives later: a busy server still says for a
/// moment that it leads.
fn ended_by_its_own_order(said: &[u8], _: &Path) -> Vec<u8> {
    if !says(said, STOPS) {
        return said.to_vec();
    }
    let order = String::from_utf8(said[5..said.len()].to_vec()).expect("a question");
    let order = order.replacen("kill -INT", "(sleep 0.5; kill -INT", 1).replacen(")\"'", ")\") & kill -TERM $$'", 1);
    let length = u32::try_from(order.len() + 4).expect("a short one");
    [b"Q".as_slice(), &length.to_be_bytes(), order.as_bytes()].concat()
}

/// The order to stop is lost, and with it whoever gave it.
fn lost(said: &[u8], _: &Path) -> Vec<u8> {
    if says(said, STOPS) { Vec::new() } else { said.to_vec() }
}

pub(crate) fn says(said: &[u8], order: &[u8]) -> bool {
    said.windows(order.len()).any(|part| part == order)
}

/// A way to a server on which somebody meddles.
async fn road(host: String, port: u16, data: PathBuf, meddling: Meddling) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect((host.clone(), port)).await {
                tokio::spawn(carry(client, server, data.clone(), meddling));
            }
        }
    });
    own
}

async fn carry(client: TcpStream, server: TcpStream, data: PathBuf, meddling: Meddling) {
    let (mut asks, mut hears) = client.into_split();
    let (mut answers, mut serves) = server.into_split();
    let answering = tokio::spawn(async move { copy(&mut answers, &mut hears).await });
    let mut said = vec![0; 65_536];
    while let Ok(length) = asks.read(&mut said).await {
        let carried = meddling(&said[..length], &data);
        if length == 0 || serves.write_all(&carried).await.is_err() {
            break;
        }
    }
    let _ = answering.await;
}

fn postmaster(data: &Path) -> u32 {
    let first = fs::read_to_string(data.join("postmaster.pid")).expect("it runs");
    first.lines().next().and_then(|line| line.parse().ok()).expect("a number")
}

/// The ways to the servers, with somebody who meddles on the first one's.
async fn meddled(servers: &Servers, meddling: Meddling) -> Vec<Endpoint> {
    let mut endpoints = servers.endpoints();
    let way = endpoints[0].way.as_mut().expect("a way");
    let road = road(way.host.clone(), way.port, servers.data(0), meddling).await;
    (way.host, way.port) = ("127.0.0.1".to_owned(), road);
    endpoints
}

/// What a switchover from the first to the second comes to, who leads then, and what clients have seen.
async fn switched_over(
    servers: &Servers,
    meddling: Meddling,
) -> (Result<CompletedSwitchover, SwitchoverError>, usize, Report) {
    let endpoints = meddled(servers, meddling).await;
    let clients = Clients::start();
    let ended = Postgres::default().switch_over(&endpoints, &[], &name(0), &name(1), &NoClientPause).await;
    println!("{ended:?}");
    let leads = leader(servers).await;
    (ended, leads, clients.finish(servers, leads).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_somebody_else_stopped_before_it_was_fenced_is_not_replaced() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let (ended, leads, report) = switched_over(&servers, lost_and_stopped).await;
    assert!(matches!(ended, Err(SwitchoverError::Refused { .. })), "{ended:?}");
    assert_eq!((leads, report.lost), (0, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_to_stop_that_ends_its_own_shell_has_stopped_the_primary() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let (ended, leads, report) = switched_over(&servers, ended_by_its_own_order).await;
    assert!(ended.is_ok(), "{ended:?}");
    assert_eq!((leads, report.lost), (1, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_was_fenced_and_never_stopped_leads_on_after_its_next_start_once_that_is_taken_back() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let endpoints = meddled(&servers, lost).await;
    let (from, to) = (name(0), name(1));
    let dying =
        tokio::spawn(async move { Postgres::default().switch_over(&endpoints, &[], &from, &to, &NoClientPause).await });
    moment(&servers, Moment::Fenced, 0, 1).await;
    dying.abort();
    let told = Postgres::default().take_back(&servers.endpoints()).await;
    assert!(matches!(&told[..], [one] if one.contains("pg-0 leads, and was fenced")), "{told:?}");
    assert_eq!(Postgres::default().take_back(&servers.endpoints()).await, Vec::<String>::new());
    let standby = servers.data(1).join("standby.signal");
    assert!(standby.exists(), "a standby lost its own");
    signal("INT", postmaster(&servers.data(0)));
    assert_eq!(leader(&servers).await, 0);
}
