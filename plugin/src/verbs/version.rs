//! `version`: this program's version, and the API server's where one answers.

use std::time::Duration;

use serde::Serialize;
use stateful_cluster::connection;
use tokio::time::timeout;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;
use crate::verb::{Rights, Verb};

/// How long to wait for the API server: without one, the own version is still printed at once.
const SERVER_WITHIN: Duration = Duration::from_secs(2);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    client: String,
    server: Option<String>,
}

/// The row of `version`.
pub(super) const VERB: Verb = Verb {
    name: "version",
    about: "Print the version",
    examples: "",
    arguments: |command| command,
    rights: Rights::None,
    past_tense: None,
    run: |call| Box::pin(async move { run(call.printer, call.context().await.ok().as_ref()).await }),
};

async fn run(printer: Printer, context: Option<&Context>) -> Result<Exit, Failure> {
    let server = match context {
        Some(context) => timeout(SERVER_WITHIN, connection::read_server_version(&context.cluster)).await.ok(),
        None => None,
    };
    let versions = Versions { client: format!("v{}", env!("CARGO_PKG_VERSION")), server: server.and_then(Result::ok) };
    match printer.structured(&versions) {
        Some(text) => printer.result(&text),
        None => {
            printer.result(&format!("kubectl stateful {}", versions.client));
            if let Some(server) = versions.server {
                printer.result(&format!("server {server}"));
            }
        }
    }
    Ok(Exit::Done)
}
