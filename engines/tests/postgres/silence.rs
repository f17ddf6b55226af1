//! A connection that falls silent in the middle of a switchover: nothing comes and nobody is told, however well its server is. A
//! tunnel through a busy API server can do that.

use std::time::Duration;

use stateful_engines::Switchover;
use stateful_engines::postgres::Postgres;
use stateful_engines::{NoClientPause, SwitchoverError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::clients::{Clients, Report};
use crate::faults::{Moment, leader, moment};
use crate::servers::{Servers, name};
use crate::stopped::{STOPS, says};
use crate::switchover::ANY;

/// A question that is not answered, and the same over a new connection.
const ASKED_AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// A witness that hears nothing (10 s), and both servers asked anew; not the order that nobody confirms, which stops nobody, nor
/// the two minutes after which it would be unknown who leads.
const FOUND_OUT_WITHIN: Duration = Duration::from_secs(15);

/// When a way falls silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Falls {
    /// When it is told to.
    Told,
    /// When the order to stop has gone through.
    AfterTheOrder,
    /// When it comes: nobody ever hears it.
    BeforeTheOrder,
}

/// A way to a server whose connections can be silenced; new ones are not.
struct Road {
    port: u16,
    silenced: watch::Sender<u32>,
}

impl Road {
    async fn to(host: String, port: u16, falls: Falls) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let silenced = watch::Sender::new(0);
        let road = Self { port: own, silenced: silenced.clone() };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, (host.clone(), port), silenced.clone(), falls));
            }
        });
        road
    }

    fn silence(&self) {
        self.silenced.send_modify(|times| *times += 1);
    }
}

async fn carry(mut client: TcpStream, server: (String, u16), silenced: watch::Sender<u32>, falls: Falls) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    let mut silence = silenced.subscribe();
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            asks = client.read(&mut asked) => {
                let Some(said) = part(&asked, asks) else { return };
                let stops = falls != Falls::Told && says(said, STOPS);
                if !(stops && falls == Falls::BeforeTheOrder) && server.write_all(said).await.is_err() {
                    return;
                }
                if stops {
                    silenced.send_modify(|times| *times += 1);
                }
            }
            answers = server.read(&mut answered) => {
                let Some(said) = part(&answered, answers) else { return };
                if client.write_all(said).await.is_err() {
                    return;
                }
            }
            _ = silence.changed() => break,
        }
    }
    // Both stay open, until the proof is over.
    let _ = silence.wait_for(|_| false).await;
}

/// What was read; nothing at the end.
fn part(buffer: &[u8], read: std::io::Result<usize>) -> Option<&[u8]> {
    read.ok().and_then(|length| buffer.get(..length)).filter(|said| !said.is_empty())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_in_the_pause_is_not_asked_twice_and_the_handover_goes_through() {
    let Some(servers) = Servers::start(ANY).await else { return };
    // The successor's, which is asked whether it has everything; then the old primary's, whose end is not heard.
    let ways = [(0, 1, 1, Falls::Told, ASKED_AGAIN_WITHIN), (1, 2, 1, Falls::AfterTheOrder, FOUND_OUT_WITHIN)];
    for (from, to, silent, falls, felt) in ways {
        let (ended, leads, report) = switched_over(&servers, (from, to), silent, falls).await;
        assert_eq!((leads, report.lost), (to, 0), "{ended:?}");
        assert!(report.longest_gap < felt, "{report:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_before_the_order_to_stop_leaves_the_old_primary_writing() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let (ended, leads, report) = switched_over(&servers, (0, 1), 0, Falls::BeforeTheOrder).await;
    assert!(matches!(ended, Err(SwitchoverError::NotMoved { .. })), "{ended:?}");
    assert_eq!((leads, report.lost), (0, 0), "{ended:?}");
    assert!(!servers.data(0).join("standby.signal").exists(), "its next start would make it a standby");
}

async fn switched_over(
    servers: &Servers,
    (from, to): (usize, usize),
    silent: usize,
    falls: Falls,
) -> (Result<Duration, SwitchoverError>, usize, Report) {
    let mut endpoints = servers.endpoints();
    let way = endpoints[silent].way.as_mut().expect("a way");
    let road = Road::to(way.host.clone(), way.port, falls).await;
    (way.host, way.port) = ("127.0.0.1".to_owned(), road.port);
    let clients = Clients::start();
    let (old, new) = (name(from), name(to));
    let handing =
        tokio::spawn(async move { Postgres::default().switch_over(&endpoints, &[], &old, &new, &NoClientPause).await });
    if falls == Falls::Told {
        moment(servers, Moment::Fenced, from, to).await;
        road.silence();
    }
    let ended = handing.await.expect("an end").map(|handed| handed.took);
    let leads = leader(servers).await;
    let report = clients.finish(servers, leads).await;
    println!("{} silent, {falls:?}: {ended:?}, {report:?}", name(silent));
    (ended, leads, report)
}
