//! The two servers: HTTPS for the API server's questions, plain HTTP for whoever watches over us.
//!
//! What is bounded, and why, is said at [`ServerLimits`]. A guard that is told to stop goes on answering for a while: whoever
//! calls a Service learns late that a pod behind it is going away. From then on every answer closes its connection, so
//! that the API server leaves between two questions and never in the middle of one; it does not ask again by itself when
//! a connection breaks.

mod idle;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum_server::Server;
use axum_server::accept::{Accept, NoDelayAcceptor};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use futures::poll;
use hyper::body::Incoming;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower::make::Shared;
use tower::{Service, service_fn};
use tracing::{info, warn};

use idle::{Clock, IdleTimeout};

/// How long and how much.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerLimits {
    /// Told to stop, this long new connections are taken all the same. Endpoints and the API servers' proxies follow
    /// within seconds.
    pub(crate) linger: Duration,
    /// Then, this long answers that are on their way may take. An API server waits no longer for any of our rules.
    pub(crate) grace: Duration,
    /// A connection speaks TLS within this time or is closed.
    pub(crate) handshake: Duration,
    /// A question is heard and answered within this time: as long as an API server can be told to wait.
    pub(crate) question: Duration,
    /// A connection without a question is closed after this time. The API server closes its own after 90 s, and must be
    /// the one that does: who closes while the other begins to ask loses the question.
    pub(crate) idle: Duration,
    /// The largest question, in bytes. An object has at most 1.5 MiB, and a review holds the old and the new one.
    pub(crate) body: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(8),
            grace: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            question: Duration::from_secs(30),
            idle: Duration::from_mins(2),
            body: 4 << 20,
        }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The port cannot be had.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// It broke down.
    #[error("the server broke down: {0}")]
    Serve(#[from] io::Error),
}

/// Answers the API server's questions over HTTPS until `stop` turns true, lingers, lets what is on its way end, and
/// returns. Clocks are kept `elsewhere`: see [`idle`].
pub(crate) async fn serve(
    address: SocketAddr,
    tls: Arc<ServerConfig>,
    admit: Router,
    elsewhere: Handle,
    stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    serve_on(listen(address).await?, tls, admit, ServerLimits::default(), elsewhere, stop).await
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|error| Error::Listen { address, error })
}

/// The same on a port that is taken already.
pub(crate) async fn serve_on(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    admit: Router,
    bounds: ServerLimits,
    elsewhere: Handle,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    // Around the router and not as layers of it: each layer is boxed anew for every question.
    let stops = stop.clone();
    let admit = service_fn(move |mut question: Request<Incoming>| {
        DefaultBodyLimit::max(bounds.body).apply(&mut question);
        within_bounds(bounds, stops.clone(), admit.clone().call(question))
    });
    let handle = axum_server::Handle::<SocketAddr>::new();
    let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls)).handshake_timeout(bounds.handshake);
    let server = Server::from_listener(listener)
        .acceptor(LoggingAcceptor {
            within: tls.acceptor(NoDelayAcceptor::new()),
            clock: Clock::start(&elsewhere, bounds.idle),
        })
        .http1_only()
        .handle(handle.clone());
    let stopping = async {
        let _ = stop.wait_for(|stop| *stop).await; // whoever could tell us to stop is gone: stop
        info!(linger = ?bounds.linger, "told to stop; still answering");
        sleep(bounds.linger).await;
        handle.graceful_shutdown(Some(bounds.grace));
        std::future::pending().await
    };
    tokio::select! {
        served = server.serve(Shared::new(admit)) => Ok(served?),
        never = stopping => never,
    }
}

/// Tells what a caller has against our certificate: an API server that does not trust it says so here and nowhere else.
/// From then on the line's time is kept.
#[derive(Clone)]
struct LoggingAcceptor<A> {
    within: A,
    clock: Arc<Clock>,
}

impl<A, I, S> Accept<I, S> for LoggingAcceptor<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = IdleTimeout<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(IdleTimeout<A::Stream>, A::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let (accepted, clock) = (self.within.accept(stream, service), Arc::clone(&self.clock));
        Box::pin(async move {
            let accepted = accepted.await.inspect_err(|error| {
                let error = error.get_ref().and_then(|error| error.downcast_ref());
                if let Some(rustls::Error::AlertReceived(alert)) = error {
                    warn!(?alert, "a caller broke off: it does not like our certificate");
                }
            });
            accepted.map(|(stream, service)| (clock.keep(stream), service))
        })
    }
}

/// Bounds a question, and closes connections once we are to stop.
async fn within_bounds(
    bounds: ServerLimits,
    stop: watch::Receiver<bool>,
    answering: impl Future<Output = Result<Response, Infallible>>,
) -> Result<Response, Infallible> {
    let mut answering = pin!(answering);
    // Most answers are there at once, and need no timer.
    let mut answer = match poll!(&mut answering) {
        Poll::Ready(answer) => answer?,
        Poll::Pending => match timeout(bounds.question, answering).await {
            Ok(answer) => answer?,
            Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
        },
    };
    if *stop.borrow() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

/// What those who watch over us may ask.
pub(crate) struct StatusEndpoints {
    /// Whether we can be asked; if not, why.
    pub(crate) ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// The metrics, as `OpenMetrics` text.
    pub(crate) metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// Answers `/healthz` (the process lives), `/readyz` (or 503 and why not) and `/metrics` over plain HTTP, until it is
/// dropped. It does not hear of `stop`: a pod that is going away gets no new callers whatever it says here.
pub(crate) async fn observe(address: SocketAddr, observed: StatusEndpoints) -> Result<(), Error> {
    let listener = listen(address).await?;
    Ok(axum::serve(listener, watched(observed)).await?)
}

fn watched(observed: StatusEndpoints) -> Router {
    let StatusEndpoints { ready, metrics } = observed;
    let (ready, metrics) = (Arc::new(ready), Arc::new(metrics));
    let readyz = move || {
        std::future::ready(match ready() {
            Ok(()) => (StatusCode::OK, "ready".to_owned()),
            Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, reason),
        })
    };
    let metrics = move || std::future::ready(([(CONTENT_TYPE, OPEN_METRICS)], metrics()));
    Router::new()
        .route("/healthz", get(|| std::future::ready("alive")))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

/// The content type of the metrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
