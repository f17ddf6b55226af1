//! TOUCH, a database of its own only. Writes one document after another through a node that is up, as a client behind a load
//! balancer does, and at the end proves that every acknowledged one is there.

mod database;
mod writer;

use tokio::sync::watch;

use crate::{CanaryError, Endpoint, Ledger};
use writer::Writer;

/// Writes until told to stop; then reads back and removes.
pub(super) async fn run(
    endpoints: watch::Receiver<Vec<Endpoint>>,
    stop: watch::Receiver<bool>,
) -> Result<Ledger, CanaryError> {
    Writer::new(endpoints).run(stop).await
}
