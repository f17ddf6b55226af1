//! `guard`: the verbs around the guard, a file each.

mod approve;
mod install;
mod manifests;
mod rights;
mod status;
mod uninstall;
mod waiting;

pub(super) use rights::{to_install, to_uninstall};

use stateful_cluster::connection::permissions;
use stateful_cluster::connection::permissions::Permission;
use stateful_cluster::guard::installed;

use crate::cli::{Globals, GuardArgs, GuardVerb};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;

pub(super) async fn run(printer: Printer, globals: &Globals, args: &GuardArgs) -> Result<Exit, Failure> {
    let context = async || Context::new(globals, printer).await;
    match &args.verb {
        // What would be applied can be seen without a cluster.
        GuardVerb::Install(args) => install::run(printer, globals, args).await,
        GuardVerb::Status => status::run(&context().await?, globals.namespace()).await,
        GuardVerb::Uninstall(args) => uninstall::run(&context().await?, globals.namespace(), args).await,
        GuardVerb::Approve(args) => approve::run(&context().await?, args).await,
    }
}

/// The namespace the guard is in: the one named, else the one it is installed in, else its own by default.
async fn home(context: &Context, named: Option<&str>) -> Result<String, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let installed = installed::find_namespace(&context.cluster).await?;
    Ok(installed.unwrap_or_else(|| manifests::NAMESPACE.to_owned()))
}

/// Refuses, with their names, when permissions are missing: nothing is half installed for want of one.
async fn need(context: &Context, namespace: &str, wanted: &[Permission]) -> Result<(), Failure> {
    let missing = permissions::find_missing(&context.cluster, namespace, wanted).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("you lack permission to: {}; nothing was touched", rights::told(&missing));
    Err(Failure::new(Exit::Error, message).hint("print a role that has them: kubectl stateful rbac guard"))
}
