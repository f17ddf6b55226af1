//! TOUCH, a collection of its own only. Writes one document after another to the primary, as a client does (find the primary,
//! connect to it), and at the end proves that every acknowledged one is there.

mod collection;
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
