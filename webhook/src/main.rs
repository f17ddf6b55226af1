//! `stateful-webhook`: the guard. It answers the API server's admission requests: may this eviction, deletion, cordon,
//! budget, or change of storage pass?
//!
//! ```text
//!  AdmissionReview ─review─> Attempt ─rules─> Disruption ─judge─> Verdict ─wording─> Answer ─review─> AdmissionReview
//!                                        │                          ▲
//!                                        └── promised (Lease) <──── known <── inventory (watches), refresh (databases)
//! ```
//!
//! Nothing here dials a database while the API server waits: what is known is looked at all the time in the background,
//! and what is not known is refused.

mod admission_request;
mod admission_response;
mod certificates;
mod decide;
mod decision_log;
mod denial;
mod effective_policy;
mod evaluation;
mod gauges;
mod guard;
mod leader;
mod metrics;
mod pod_removal;
mod refresh;
mod reservations;
mod review;
mod rules;
mod server;
mod settings;
mod state;
mod switchover;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use jiff::Timestamp;
use stateful_cluster::{ClientOptions, Cluster, EventRecorder, Inventory};
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing_subscriber::EnvFilter;

use certificates::{Certificates, SECRET, Source, Terms};
use decision_log::Notices;
use guard::Guard;
use metrics::Metrics;
use settings::Settings;
use state::Known;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    let filter = EnvFilter::try_from_env("STATEFUL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(filter).with_writer(std::io::stderr).init();
    // Every part that speaks TLS means this one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where everything else it says is read.
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: Settings) -> Result<()> {
    let stop = stop_on_a_signal()?;
    let options = ClientOptions { kubeconfig: settings.kubeconfig.clone(), ..ClientOptions::default() };
    let cluster = stateful_cluster::connect(&options).await?;
    let known = Arc::new(Known::new(Inventory::watch(&cluster)));
    tokio::spawn(refresh::run(cluster.clone(), Arc::clone(&known)));
    let notices = Notices::new(EventRecorder::new(&cluster, "stateful-guard", &settings.name));
    let guard = Arc::new(Guard::new(cluster.clone(), known, Metrics::new(), notices));
    let certificates = Certificates::new()?;
    let source = source(&settings, &cluster);
    let keeping = tokio::spawn({
        let certificates = certificates.clone();
        async move { certificates.run(source).await }
    });
    let leading =
        tokio::spawn(leader::run(Arc::clone(&guard), settings.namespace.clone(), settings.name.clone(), stop.clone()));
    let observing = tokio::spawn(server::observe(settings.observe, observed(&guard, &certificates)));
    tracing::info!(listen = %settings.listen, observe = %settings.observe, "the guard begins");
    let router = decide::router(Arc::clone(&guard));
    // A thread of its own: an answer waits for no list that is being read and for nobody's timer, and no other thread is
    // woken for it. One gives many thousand answers a second (docs/figures.md); an API server asks some hundreds. The echo
    // gives no more with two on two cores, and takes more time of them (decision 7).
    let answering = Builder::new_multi_thread().worker_threads(1).thread_name("answering").enable_all().build()?;
    let serving = server::serve(settings.listen, certificates.server_config(), router, Handle::current(), stop);
    let served = answering.spawn(serving).await.context("the server died")?;
    answering.shutdown_background();
    if served.is_ok() {
        let _ = leading.await; // it was asked to stop too, and lets go of what it leads
    }
    keeping.abort();
    observing.abort();
    served.context("the guard can no longer answer")
}

/// What the other port tells.
fn observed(guard: &Arc<Guard>, certificates: &Certificates) -> server::Observed {
    let (scraped, ready) = ((Arc::clone(guard), certificates.clone()), (Arc::clone(guard), certificates.clone()));
    server::Observed {
        ready: Box::new(move || {
            let (guard, certificates) = &ready;
            if !guard.known.inventory.is_synced() {
                return Err(format!(
                    "the cluster has not been read yet: {}",
                    guard.known.inventory.unread().join(", ")
                ));
            }
            certificates.ready(Timestamp::now()).map_err(|why| why.to_string())
        }),
        metrics: Box::new(move || {
            let (guard, certificates) = &scraped;
            gauges::set(guard, certificates.not_after());
            guard.metrics.text()
        }),
    }
}

fn source(settings: &Settings, cluster: &Cluster) -> Source {
    let (cluster, namespace) = (cluster.clone(), settings.namespace.clone());
    match settings.certificates.as_str() {
        "self" => Source::Own { cluster, namespace, terms: Terms::default() },
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
        tracing::info!("asked to stop");
        let _ = sender.send(true);
        std::future::pending::<()>().await; // the sender must stay
    });
    Ok(stop)
}
