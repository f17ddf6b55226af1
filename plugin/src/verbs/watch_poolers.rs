//! `__watch-poolers`: the second process of an operation, which resumes poolers should the first one die. It is not meant to
//! be typed.

use std::ffi::OsString;
use std::os::fd::AsFd;

use clap::Args;
use tokio::net::unix::pipe::Receiver;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::verb::{Call, Rights, Verb};
use crate::watchdog;

/// `__watch-poolers`
#[derive(Debug, Args)]
struct WatchPoolersArgs {
    /// The arguments of the first process
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

/// The row of `__watch-poolers`.
pub(super) const VERB: Verb = Verb {
    name: watchdog::VERB,
    about: "Resume poolers that a process left paused when it died",
    examples: "",
    arguments: |command| WatchPoolersArgs::augment_args(command).hide(true),
    rights: Rights::None,
    past_tense: None,
    run: |call| Box::pin(run(call)),
};

async fn run(call: Call) -> Result<Exit, Failure> {
    let WatchPoolersArgs { arguments } = call.args()?;
    let words = std::iter::once(OsString::from("kubectl-stateful")).chain(arguments);
    // The flags of the first process lead to its cluster.
    let first = Call::read(call.verbs, words).map_err(|_| Failure::usage("this verb is not meant to be typed"))?;
    let context = first.context().await?;
    let failed = |why: String| Failure::new(Exit::Error, why);
    let input = input().map_err(|error| failed(error.to_string()))?;
    let watched = stateful_operations::watch(&context.cluster, input, |word| call.printer.result(word)).await;
    watched.map(|()| Exit::Done).map_err(failed)
}

/// Standard input, which is a pipe from the first process; a terminal is refused.
fn input() -> std::io::Result<Receiver> {
    Receiver::from_owned_fd(std::io::stdin().as_fd().try_clone_to_owned()?)
}
