//! The law of rotation under load: callers that open a new connection for every request and trust only what is published are
//! all answered, through whole rotations, by replicas of which one is always a step behind.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};

use super::*;
use crate::certificates::rotation::Action;
use crate::server::{ServerLimits, serve_on};

const CALLERS: usize = 4;
const ROTATIONS: usize = 3;

/// A replica's server; it ends with the test.
async fn serve(serving: &ServingCertificate) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its number");
    let config = Arc::new(serving.server_config().expect("a configuration"));
    let admit = Router::new().route("/", post(|| async { "yes" }));
    tokio::spawn(async move {
        let (keep, stop) = watch::channel(false);
        let served =
            serve_on(listener, config, admit, ServerLimits::default(), tokio::runtime::Handle::current(), stop).await;
        drop(keep);
        served
    });
    address
}

/// What callers know.
#[derive(Clone)]
struct Outside {
    store: MemoryStore,
    now: Arc<AtomicI64>,
    over: Arc<AtomicBool>,
    addresses: Vec<SocketAddr>,
}

impl Outside {
    fn caller(&self, replica: usize) -> Caller {
        let now = Timestamp::from_second(self.now.load(Ordering::SeqCst)).expect("a time");
        Caller { address: self.addresses[replica % self.addresses.len()], trusts: self.store.published(), now }
    }

    /// Calls the replicas in turn until the test ends; returns the errors.
    fn call(&self, told: &watch::Sender<usize>) -> Vec<String> {
        let mut wrong = Vec::new();
        while !self.over.load(Ordering::SeqCst) {
            let caller = self.caller(*told.borrow());
            match caller.ask("/", b"may I?") {
                Ok(told) if told.code == 200 && told.body == "yes" => {}
                other => wrong.push(format!("{:?} at {}: {other:?}", caller.address, caller.now)),
            }
            told.send_modify(|count| *count += 1);
        }
        wrong
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_load_loses_no_call() {
    let (store, now) = (MemoryStore::default(), day_one());
    let mut replicas = [replica(&store, short_times()), replica(&store, short_times())];
    for _ in 0..3 {
        for (controller, _) in &mut replicas {
            controller.step(now).await.expect("a look");
        }
    }
    let addresses = vec![serve(&replicas[0].1).await, serve(&replicas[1].1).await];
    let now = Arc::new(AtomicI64::new(now.as_second()));
    let outside = Outside { store, now: Arc::clone(&now), over: Arc::default(), addresses };
    let line = spawn_blocking({
        let caller = outside.caller(0);
        move || caller.connect().expect("a connection")
    });
    let mut line = line.await.expect("a connection");

    let mut callers = JoinSet::new();
    let mut counts = Vec::new();
    for _ in 0..CALLERS {
        let (told, count) = watch::channel(0);
        counts.push(count);
        let outside = outside.clone();
        callers.spawn_blocking(move || outside.call(&told));
    }
    let (mut dropped, mut snapshots) = (0, 0);
    while dropped < ROTATIONS {
        let then = Timestamp::from_second(now.fetch_add(20, Ordering::SeqCst) + 20).expect("a time");
        snapshots += 1;
        if replicas[snapshots % 2].0.step(then).await.expect("a look") == Action::DropOlder {
            dropped += 1;
        }
        for count in &mut counts {
            // The call in flight may have begun before; the one after it has not.
            let enough = *count.borrow() + 2;
            count.wait_for(|count| *count >= enough).await.expect("callers call on");
        }
    }
    outside.over.store(true, Ordering::SeqCst);
    let wrong: Vec<String> = callers.join_all().await.concat();
    let calls: usize = counts.iter().map(|count| *count.borrow()).sum();
    assert!(wrong.is_empty(), "{} of {calls} calls: {wrong:#?}", wrong.len());
    assert!(calls >= snapshots * CALLERS);
    let told = spawn_blocking(move || caller::ask(&mut line, "/", b"still there?")).await.expect("a call");
    assert_eq!(told.expect("an answer").code, 200, "a connection of before the first rotation goes on");
}
