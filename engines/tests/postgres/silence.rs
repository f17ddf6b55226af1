//! A connection that falls silent in the middle of a handover: nothing comes and nobody is told, however well its server is. A
//! tunnel through a busy API server can do that.

use std::time::Duration;

use stateful_engines::postgres::Postgres;
use stateful_engines::{Engine, NoGate};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::clients::Clients;
use crate::faults::{Moment, leader, moment};
use crate::handover::ANY;
use crate::servers::{Servers, name};

/// A question that is not answered, and the same over a new connection.
const ASKED_AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// A witness that hears nothing (10 s), and both servers asked anew; not the order that nobody confirms, which stops nobody, nor
/// the two minutes after which it would be unknown who leads.
const FOUND_OUT_WITHIN: Duration = Duration::from_secs(15);

/// A way to a server whose connections can be silenced; new ones are not.
struct Road {
    port: u16,
    silenced: watch::Sender<u32>,
}

impl Road {
    async fn to(host: String, port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let (silenced, times) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, (host.clone(), port), times.clone()));
            }
        });
        Self { port: own, silenced }
    }

    fn silence(&self) {
        self.silenced.send_modify(|times| *times += 1);
    }
}

async fn carry(mut client: TcpStream, server: (String, u16), mut silenced: watch::Receiver<u32>) {
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    silenced.mark_unchanged();
    let ended = tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => true,
        changed = silenced.changed() => changed.is_err(),
    };
    if !ended {
        // Both stay open, until the proof is over.
        let _ = silenced.wait_for(|_| false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_falls_silent_in_the_pause_is_not_asked_twice_and_the_handover_goes_through() {
    let Some(servers) = Servers::start(ANY).await else { return };
    // The successor's, which is asked whether it has everything; then the old primary's, whose end is not heard.
    for (from, to, silent, felt) in [(0, 1, 1, ASKED_AGAIN_WITHIN), (1, 2, 1, FOUND_OUT_WITHIN)] {
        let mut doors = servers.doors();
        let way = doors[silent].way.as_mut().expect("a way");
        let road = Road::to(way.host.clone(), way.port).await;
        (way.host, way.port) = ("127.0.0.1".to_owned(), road.port);
        let clients = Clients::start();
        let (old, new) = (name(from), name(to));
        let handing =
            tokio::spawn(async move { Postgres::default().hand_over(&doors, &[], &old, &new, &NoGate).await });
        moment(&servers, Moment::Fenced, from, to).await;
        road.silence();
        let ended = handing.await.expect("an end").map(|handed| handed.took);
        let leads = leader(&servers).await;
        let report = clients.finish(&servers, leads).await;
        println!("{} silent: {ended:?}, {report:?}", name(silent));
        assert_eq!((leads, report.lost), (to, 0), "{ended:?}");
        assert!(report.longest_gap < felt, "{report:?}");
    }
}
