//! A stand-in for a node of an Apache CouchDB cluster, for tests where no CouchDB is to be had. It is not CouchDB, and says so
//! to whoever greets it. What it does and what it does not is in its README.

mod api;
mod document;
mod node;
mod peers;
mod quorum;
mod replication;
mod server;
mod settings;
mod shard_map;
mod store;

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use node::Node;
use settings::Settings;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            #[expect(clippy::print_stderr, reason = "why it does not start is for whoever reads its log")]
            {
                eprintln!("couchdb-stand-in: {why}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Serves until told to end; then at once, as CouchDB does: whoever is still connected is cut off.
async fn run() -> Result<(), String> {
    let node = Node::start(Settings::read()?)?;
    let mut end = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    replication::look_after_others(&node);
    tokio::select! {
        served = server::serve(node) => served,
        _ = end.recv() => Ok(()),
    }
}
