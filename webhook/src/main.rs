//! `stateful-webhook`: the guard. It answers the API server's admission requests: may this eviction, deletion, cordon,
//! budget, or change of storage pass?
//!
//! ```text
//!  AdmissionReview ─review::read─> AdmissionRequest ─rules─> Evaluation ─router─> AdmissionResponse ─review::write─>
//!                                                     │           │
//!                           cache and observations <──┤           └──> telemetry: counted, logged, an Event
//!                           judge, reservation     <──┘
//! ```
//!
//! No admission request waits for a database: background tasks observe every guarded database once a second, and what is
//! not known is refused.

mod admission;
mod background;
mod certificates;
mod evaluation;
mod router;
mod rules;
mod server;
mod settings;
mod telemetry;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use jiff::Timestamp;
use stateful_cluster::Cluster;
use stateful_cluster::connection;
use stateful_cluster::connection::ClientOptions;
use stateful_cluster::guard::event_recorder::EventRecorder;
use stateful_cluster::inventory::Inventory;
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use background::{leader, monitor};
use certificates::{Certificates, RotationTimes, SECRET, Source};
use evaluation::state::GuardState;
use router::Guard;
use settings::Settings;
use telemetry::decision_log::DecisionLog;
use telemetry::gauges;
use telemetry::metrics::Metrics;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    let filter = EnvFilter::try_from_env("STATEFUL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(std::io::stderr).init();
    // Every TLS client and server of the process uses this provider.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Logged as JSON, like every other line.
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> Result<()> {
    let stop = stop_on_a_signal()?;
    let options = ClientOptions { kubeconfig: settings.kubeconfig.clone(), ..ClientOptions::default() };
    let cluster = connection::connect(&options, stateful_operations::engine_profiles()).await?;
    let state = Arc::new(GuardState::new(cluster.clone(), Inventory::watch(&cluster)));
    tokio::spawn(monitor::run(Arc::clone(&state)));
    let decision_log = DecisionLog::new(EventRecorder::new(&cluster, "stateful-guard", &settings.name));
    let guard = Arc::new(Guard { state: Arc::clone(&state), metrics: Metrics::new(), decision_log });
    let certificates = Certificates::new()?;
    let source = source(&settings, &cluster);
    let keeping = tokio::spawn({
        let certificates = certificates.clone();
        async move { certificates.run(source).await }
    });
    let leads = guard.metrics.gauges.leader.clone();
    let leading =
        tokio::spawn(leader::run(state, leads, settings.namespace.clone(), settings.name.clone(), stop.clone()));
    let observing = tokio::spawn(server::observe(settings.observe, status_endpoints(&guard, &certificates)));
    tracing::info!(listen = %settings.listen, observe = %settings.observe, "the guard starts");
    let router = router::router(Arc::clone(&guard));
    // A runtime of its own: an answer waits for no list that is being parsed and for no timer, and no other thread is woken
    // for it. One thread gives many thousand answers a second (docs/figures.md); an API server asks some hundreds. Two
    // threads on two cores give no more, and take more processor time (decision 7).
    let answering = Builder::new_multi_thread().worker_threads(1).thread_name("answering").enable_all().build()?;
    let serving = server::serve(settings.listen, certificates.server_config(), router, Handle::current(), stop);
    let served = answering.spawn(serving).await.context("the server panicked")?;
    answering.shutdown_background();
    if served.is_ok() {
        let _ = leading.await; // it was told to stop too, and releases its Lease
    }
    keeping.abort();
    observing.abort();
    served.context("the guard can no longer answer")
}

/// What `/readyz` and `/metrics` answer.
fn status_endpoints(guard: &Arc<Guard>, certificates: &Certificates) -> server::StatusEndpoints {
    let (scraped, ready) = ((Arc::clone(guard), certificates.clone()), (Arc::clone(guard), certificates.clone()));
    server::StatusEndpoints {
        ready: Box::new(move || {
            let (guard, certificates) = &ready;
            let inventory = &guard.state.inventory;
            if !inventory.is_synced() {
                return Err(format!("the cluster has not been read yet: {}", inventory.unread().join(", ")));
            }
            certificates.ready(Timestamp::now()).map_err(|why| why.to_string())
        }),
        metrics: Box::new(move || {
            let (guard, certificates) = &scraped;
            gauges::set_all(&guard.metrics.gauges, &guard.state, certificates.not_after());
            guard.metrics.text()
        }),
    }
}

fn source(settings: &Settings, cluster: &Cluster) -> Source {
    let (cluster, namespace) = (cluster.clone(), settings.namespace.clone());
    match settings.certificates.as_str() {
        "self" => Source::Own { cluster, namespace, times: RotationTimes::default() },
        "secret" => Source::Secret { cluster, namespace, name: SECRET.to_owned() },
        directory => Source::Directory(directory.into()),
    }
}

/// Turns true at the first SIGTERM or SIGINT.
fn stop_on_a_signal() -> Result<watch::Receiver<bool>> {
    let (sender, stop) = watch::channel(false);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("told to stop by a signal");
        let _ = sender.send(true);
        std::future::pending::<()>().await; // dropping the sender would look like a signal
    });
    Ok(stop)
}
