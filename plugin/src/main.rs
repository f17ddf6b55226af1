//! `kubectl stateful`: moves databases safely while their cluster changes under them.

#[expect(clippy::doc_markdown, reason = "the doc comments are the help text, printed as they stand")]
mod cli;
mod context;
mod exit;
mod failure;
mod forecast;
mod operation;
mod report;
mod verb;
#[expect(clippy::doc_markdown, reason = "the doc comments are the help text, printed as they stand")]
mod verbs;
mod watchdog;

use std::process::ExitCode;

fn main() -> ExitCode {
    let call = match verbs::read() {
        Ok(call) => call,
        Err(exit) => return exit.into(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report::fatal(&format!("cannot start: {error}")).into(),
    };
    let exit = runtime.block_on(verbs::run(call));
    // Port-forwards and lock renewals end with the process; waiting for them would only delay the prompt.
    runtime.shutdown_background();
    exit.into()
}
