//! Somebody else stops the primary in the very moment it is to be fenced: a node that goes down, a pod that is deleted. Its end is
//! heard as that of any server that was stopped well; but nobody made it a standby, and it comes back writing.

use std::fs;
use std::path::{Path, PathBuf};

use stateful_engines::postgres::Postgres;
use stateful_engines::{Engine, HandOverError, NoGate};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::clients::Clients;
use crate::faults::leader;
use crate::handover::ANY;
use crate::programs::signal;
use crate::servers::{Servers, name};

/// What the order to fence says, and no other.
const FENCES: &[u8] = b">standby.signal";

/// A way to a server on which the order to fence is lost, and the server stopped instead.
async fn losing_road(host: String, port: u16, data: PathBuf) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect((host.clone(), port)).await {
                tokio::spawn(carry(client, server, data.clone()));
            }
        }
    });
    own
}

async fn carry(client: TcpStream, server: TcpStream, data: PathBuf) {
    let (mut asks, mut hears) = client.into_split();
    let (mut answers, mut serves) = server.into_split();
    let answering = tokio::spawn(async move { copy(&mut answers, &mut hears).await });
    let mut said = vec![0; 65_536];
    while let Ok(length) = asks.read(&mut said).await {
        let said = &said[..length];
        if said.windows(FENCES.len()).any(|part| part == FENCES) {
            signal("INT", postmaster(&data));
        } else if length == 0 || serves.write_all(said).await.is_err() {
            break;
        }
    }
    let _ = answering.await;
}

fn postmaster(data: &Path) -> u32 {
    let first = fs::read_to_string(data.join("postmaster.pid")).expect("it runs");
    first.lines().next().and_then(|line| line.parse().ok()).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_somebody_else_stopped_before_it_was_fenced_is_not_replaced() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let mut doors = servers.doors();
    let way = doors[0].way.as_mut().expect("a way");
    let road = losing_road(way.host.clone(), way.port, servers.data(0)).await;
    (way.host, way.port) = ("127.0.0.1".to_owned(), road);
    let clients = Clients::start();
    let ended = Postgres::default().hand_over(&doors, &[], &name(0), &name(1), &NoGate).await;
    println!("{ended:?}");
    assert!(matches!(ended, Err(HandOverError::Refused { .. })), "{ended:?}");
    let leads = leader(&servers).await;
    let report = clients.finish(&servers, leads).await;
    assert_eq!((leads, report.lost), (0, 0), "{report:?}");
}
