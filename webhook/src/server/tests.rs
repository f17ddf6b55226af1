//! Laws of the two servers.

use std::future::pending;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use axum::body::Bytes;
use axum::routing::post;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;
use crate::certificates::Certificates;
use crate::certificates::tests::caller::{Caller, TIMEOUT, ask, begin, told};
use crate::certificates::tests::{authority_and_pair, day_one};

/// A server, and what is needed to call it and to stop it.
struct Running {
    caller: Caller,
    stop: watch::Sender<bool>,
    served: JoinHandle<Result<(), Error>>,
}

async fn run(admit: Router, limits: ServerLimits) -> Running {
    let (trusts, pair) = authority_and_pair(day_one());
    let certificates = Certificates::serving(&pair, day_one());
    let listener = listen(([127, 0, 0, 1], 0).into()).await.expect("a port");
    let address = listener.local_addr().expect("its number");
    let (stop, told_to_stop) = watch::channel(false);
    let served =
        tokio::spawn(serve_on(listener, certificates.server_config(), admit, limits, Handle::current(), told_to_stop));
    Running { caller: Caller { address, trusts, now: day_one() }, stop, served }
}

/// Runs blocking work on another thread.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    spawn_blocking(work).await.expect("it does not panic")
}

fn yes() -> Router {
    Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_answers_all_requests_while_it_lingers_and_all_in_flight() {
    let (entered, mut inside) = watch::channel(false);
    let (open, gate) = watch::channel(false);
    let slow = move || {
        let (entered, mut gate) = (entered.clone(), gate.clone());
        async move {
            entered.send_replace(true);
            gate.wait_for(|open| *open).await.expect("the gate is there");
            "at last"
        }
    };
    let limits = ServerLimits { linger: Duration::from_millis(500), ..ServerLimits::default() };
    let running = run(yes().route("/slow", post(slow)), limits).await;

    let caller = running.caller.clone();
    let slow = tokio::spawn(aside(move || caller.ask("/slow", b"")));
    inside.wait_for(|inside| *inside).await.expect("the request arrives");
    let caller = running.caller.clone();
    let mut connection = aside(move || caller.connect().expect("a connection")).await;
    let (mut connection, before) = aside(move || {
        let told = ask(&mut connection, "/", b"1");
        (connection, told.expect("an answer"))
    })
    .await;
    assert!(!before.head.contains("connection: close"), "{}", before.head);

    let stopped = Instant::now();
    running.stop.send(true).expect("it listens");
    let after = aside(move || ask(&mut connection, "/", b"1").expect("an open connection is answered once more")).await;
    assert!(after.head.contains("connection: close"), "{}", after.head);
    let caller = running.caller.clone();
    let answered = aside(move || {
        let mut answered = 0;
        while let Ok(told) = caller.ask("/", b"22") {
            assert_eq!((told.code, told.body.as_str()), (200, "2"));
            assert!(told.head.contains("connection: close"), "{}", told.head);
            answered += 1;
        }
        answered
    })
    .await;
    assert!(stopped.elapsed() >= limits.linger, "refused after {:?}", stopped.elapsed());
    assert!(answered > 0);

    open.send_replace(true);
    let told = slow.await.expect("a call").expect("an answer, though no new connection is accepted");
    assert_eq!(told.body, "at last");
    running.served.await.expect("no panic").expect("it ends well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_waits_no_longer_than_its_grace_period() {
    let short = Duration::from_millis(50);
    let (entered, mut inside) = watch::channel(false);
    let hung = move || {
        entered.send_replace(true);
        pending::<&'static str>()
    };
    let limits = ServerLimits { linger: short, grace: short, ..ServerLimits::default() };
    let running = run(Router::new().route("/", post(hung)), limits).await;
    let caller = running.caller.clone();
    let hung = tokio::spawn(aside(move || caller.ask("/", b"")));
    inside.wait_for(|inside| *inside).await.expect("the request arrives");
    running.stop.send(true).expect("it listens");
    let stopped = Instant::now();
    running.served.await.expect("no panic").expect("it ends, though the answer does not come");
    assert!(stopped.elapsed() < TIMEOUT / 2, "not because the caller gave up");
    assert!(hung.await.expect("a call").is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_too_large_gets_413() {
    let running = run(yes(), ServerLimits::default()).await;
    let caller = running.caller.clone();
    let fits = aside(move || caller.ask("/", &vec![b' '; 4 << 20])).await.expect("an answer");
    assert_eq!((fits.code, fits.body.as_str()), (200, "4194304"));
    let caller = running.caller.clone();
    let told = aside(move || caller.ask("/", &vec![b' '; (4 << 20) + 1]));
    assert_eq!(told.await.expect("an answer").code, 413);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_sends_nothing_or_half_a_request_is_closed() {
    let short = Duration::from_millis(100);
    let limits = ServerLimits { handshake: short, request: short, ..ServerLimits::default() };
    let running = run(yes(), limits).await;
    let address = running.caller.address;
    let silent = aside(move || {
        let mut connection = TcpStream::connect(address)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        connection.read(&mut [0])
    })
    .await;
    assert_eq!(silent.expect("closed, not reset"), 0);
    let caller = running.caller.clone();
    let half = aside(move || {
        let mut connection = caller.connect()?;
        connection.write_all(b"POST / HTTP/1.1\r\nHost: guard\r\nContent-Length: 10\r\n\r\nhalf")?;
        connection.flush()?;
        told(&mut connection)
    });
    assert_eq!(half.await.expect("an answer").code, 408);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_is_closed() {
    let running = run(yes(), ServerLimits { idle: Duration::from_millis(100), ..ServerLimits::default() }).await;
    let caller = running.caller.clone();
    let closed = aside(move || {
        let mut connection = caller.connect().expect("a connection");
        begin(&mut connection, "/", b"").expect("asked");
        told(&mut connection).expect("answered");
        connection.read(&mut [0])
    });
    let closed = closed.await;
    let ended = closed.as_ref().map_or_else(|error| error.kind() == io::ErrorKind::UnexpectedEof, |read| *read == 0);
    assert!(ended, "{closed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_learn_that_the_process_runs_and_why_it_is_not_ready() {
    let (ready, readiness) = watch::channel(Err("the cluster has not been read yet".to_owned()));
    let observed = StatusEndpoints {
        ready: Box::new(move || readiness.borrow().clone()),
        metrics: Box::new(|| "guard_up 1\n# EOF\n".to_owned()),
    };
    let listener = listen(([127, 0, 0, 1], 0).into()).await.expect("a port");
    let address = listener.local_addr().expect("its number");
    tokio::spawn(async move { axum::serve(listener, watched(observed)).await });
    let get = async |path: &'static str| {
        let asked = aside(move || {
            let mut connection = TcpStream::connect(address)?;
            connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: guard\r\n\r\n").as_bytes())?;
            told(&mut connection)
        });
        asked.await.expect("an answer")
    };
    let (alive, not_ready) = (get("/healthz").await, get("/readyz").await);
    assert_eq!(alive.code, 200);
    assert_eq!((not_ready.code, not_ready.body.as_str()), (503, "the cluster has not been read yet"));
    ready.send(Ok(())).expect("the server reads it");
    assert_eq!(get("/readyz").await.code, 200);
    let metrics = get("/metrics").await;
    assert!(metrics.head.contains("application/openmetrics-text"), "{}", metrics.head);
    assert_eq!(metrics.body, "guard_up 1\n# EOF\n");
}
