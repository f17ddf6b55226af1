//! `__watch-poolers`: the second process of an operation, which resumes poolers should the first one die. Not for people.

use std::ffi::OsString;
use std::os::fd::AsFd;

use clap::Parser;
use tokio::net::unix::pipe::Receiver;

use crate::cli::Cli;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;

const VERB: &str = "__watch-poolers";

/// How this process starts it: itself, with the arguments it was started with, so that it reaches the same cluster as the
/// same user.
pub(crate) fn watchdog() -> Vec<OsString> {
    let mut arguments = std::env::args_os();
    let called = arguments.next();
    // The binary may have been replaced meanwhile; the name it was called by is as good then.
    let program = std::env::current_exe().ok().map(OsString::from).or(called);
    program.into_iter().chain([VERB.into(), "--".into()]).chain(arguments).collect()
}

pub(crate) async fn run(printer: Printer, arguments: &[OsString]) -> Result<Exit, Failure> {
    let words = std::iter::once(OsString::from("kubectl-stateful")).chain(arguments.iter().cloned());
    let cli = Cli::try_parse_from(words).map_err(|_| Failure::usage("this verb is not for people"))?;
    let context = Context::new(&cli.globals, printer).await?;
    let failed = |why: String| Failure::new(Exit::Error, why);
    let told = told().map_err(|error| failed(error.to_string()))?;
    let watched = stateful_operations::watch(&context.cluster, told, |word| printer.result(word)).await;
    watched.map(|()| Exit::Done).map_err(failed)
}

/// Standard input, which is a pipe: a terminal's is nobody's to read here.
fn told() -> std::io::Result<Receiver> {
    Receiver::from_owned_fd(std::io::stdin().as_fd().try_clone_to_owned()?)
}
