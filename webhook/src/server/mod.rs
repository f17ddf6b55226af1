//! The two servers: HTTPS for the API server's requests, plain HTTP for probes and metrics.
//!
//! [`ServerLimits`] says what is limited, and why. A guard that is told to stop goes on answering for a while: callers of a
//! Service learn late that a pod behind it is terminating. From then on every response closes its connection, so that the API
//! server leaves between two requests and never in the middle of one; it does not repeat a request when a connection breaks.

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

use idle::{IdleClock, IdleTimeout};

/// The limits of the HTTPS server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerLimits {
    /// For this long after the signal to stop new connections are still accepted. Endpoints and the API servers' proxies
    /// follow within seconds.
    pub(crate) linger: Duration,
    /// For this long afterwards requests in flight may be answered. An API server waits no longer for any rule.
    pub(crate) grace: Duration,
    /// A connection that has not completed the TLS handshake within this time is closed.
    pub(crate) handshake: Duration,
    /// A request is received and answered within this time: the longest time for which an API server can be told to wait.
    pub(crate) request: Duration,
    /// A connection without a request is closed after this time. The API server closes its idle connections after 90 s, and
    /// must be the first to do so: a request that is sent while the server closes the connection is lost.
    pub(crate) idle: Duration,
    /// The largest request, in bytes. An object has at most 1.5 MiB, and a review holds the old and the new one.
    pub(crate) body: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            linger: Duration::from_secs(8),
            grace: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            request: Duration::from_secs(30),
            idle: Duration::from_mins(2),
            body: 4 << 20,
        }
    }
}

/// Why a server could not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        error: io::Error,
    },
    /// The server failed.
    #[error("the server failed: {0}")]
    Serve(#[from] io::Error),
}

/// Answers the API server's requests over HTTPS until `stop` turns true, lingers, completes the requests in flight, and
/// returns. Idle times are measured on the runtime `elsewhere`: see [`idle`].
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

/// The same on a listener that is bound already.
pub(crate) async fn serve_on(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    admit: Router,
    limits: ServerLimits,
    elsewhere: Handle,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    // Around the router and not as layers of it: each layer would be boxed again for every request.
    let stops = stop.clone();
    let admit = service_fn(move |mut request: Request<Incoming>| {
        DefaultBodyLimit::max(limits.body).apply(&mut request);
        within_limits(limits, stops.clone(), admit.clone().call(request))
    });
    let handle = axum_server::Handle::<SocketAddr>::new();
    let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls)).handshake_timeout(limits.handshake);
    let server = Server::from_listener(listener)
        .acceptor(LoggingAcceptor {
            within: tls.acceptor(NoDelayAcceptor::new()),
            clock: IdleClock::start(&elsewhere, limits.idle),
        })
        .http1_only()
        .handle(handle.clone());
    let stopping = async {
        let _ = stop.wait_for(|stop| *stop).await; // also when the sender is gone
        info!(linger = ?limits.linger, "told to stop; still answering");
        sleep(limits.linger).await;
        handle.graceful_shutdown(Some(limits.grace));
        std::future::pending().await
    };
    tokio::select! {
        served = server.serve(Shared::new(admit)) => Ok(served?),
        never = stopping => never,
    }
}

/// Logs why a caller rejects the guard's certificate: an API server that does not trust it says so in a TLS alert and nowhere
/// else. It also starts to measure the connection's idle time.
#[derive(Clone)]
struct LoggingAcceptor<A> {
    within: A,
    clock: Arc<IdleClock>,
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
                    warn!(?alert, "a caller rejected the guard's certificate");
                }
            });
            accepted.map(|(stream, service)| (clock.keep(stream), service))
        })
    }
}

/// Limits the time of a request, and closes connections once the server is told to stop.
async fn within_limits(
    limits: ServerLimits,
    stop: watch::Receiver<bool>,
    answering: impl Future<Output = Result<Response, Infallible>>,
) -> Result<Response, Infallible> {
    let mut answering = pin!(answering);
    // Most responses are ready at once, and need no timer.
    let mut answer = match poll!(&mut answering) {
        Poll::Ready(answer) => answer?,
        Poll::Pending => match timeout(limits.request, answering).await {
            Ok(answer) => answer?,
            Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
        },
    };
    if *stop.borrow() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

/// What probes and Prometheus are answered.
pub(crate) struct StatusEndpoints {
    /// Whether the guard can answer admission requests; if not, why.
    pub(crate) ready: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// The metrics, as `OpenMetrics` text.
    pub(crate) metrics: Box<dyn Fn() -> String + Send + Sync>,
}

/// Answers `/healthz` (the process runs), `/readyz` (200, or 503 and why not) and `/metrics` over plain HTTP, until it is
/// dropped. It goes on after the signal to stop: a terminating pod gets no new callers whatever its readiness says.
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
