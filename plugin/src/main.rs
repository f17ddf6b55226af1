//! `kubectl stateful`: moves databases safely while their cluster changes under them.

mod cli;
mod commands;
mod context;
mod exit;
mod failure;
mod operation;
mod planning;
mod report;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(code) => return code.into(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report::fatal(&format!("cannot start: {error}")).into(),
    };
    let code = runtime.block_on(commands::run(cli));
    // Tunnels and renewals end with the process; waiting for them would only delay the prompt.
    runtime.shutdown_background();
    code.into()
}
