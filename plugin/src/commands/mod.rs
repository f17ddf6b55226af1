//! The verbs, a file each: parse → call → report.

mod abort;
mod check;
mod completion;
mod drain;
mod finalize;
mod guard;
mod history;
mod rbac;
mod resume;
mod rollback;
mod status;
mod switchover;
mod upgrade;
mod version;
mod watch_poolers;

use crate::cli::{Cli, Verb};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;
pub(crate) use watch_poolers::watchdog;

/// Runs the verb and tells how it ended.
pub(crate) async fn run(cli: Cli) -> Exit {
    let printer = Printer::new(&cli.globals);
    Box::pin(dispatch(cli, printer)).await.unwrap_or_else(|failure| printer.failure(&failure))
}

async fn dispatch(cli: Cli, printer: Printer) -> Result<Exit, Failure> {
    let globals = cli.globals;
    let context = async || Context::new(&globals, printer).await;
    match cli.verb {
        Verb::Status(args) => status::run(&context().await?, &args).await,
        Verb::Check(args) => check::run(&context().await?, &args).await,
        Verb::Upgrade(args) => upgrade::run(&context().await?, &args).await,
        Verb::Switchover(args) => switchover::run(&context().await?, &args).await,
        Verb::Drain(args) => drain::run(&context().await?, &args).await,
        Verb::Resume(args) => resume::run(&context().await?, &args).await,
        Verb::Abort(args) => abort::run(&context().await?, &args).await,
        Verb::Rollback(args) => rollback::run(&context().await?, &args).await,
        Verb::Finalize(args) => finalize::run(&context().await?, &args).await,
        Verb::History(args) => history::run(&context().await?, &args).await,
        Verb::Guard(args) => guard::run(printer, &globals, &args).await,
        Verb::Rbac(args) => rbac::run(printer, &args),
        Verb::Version => version::run(printer, context().await.ok().as_ref()).await,
        Verb::Completion(args) => Ok(completion::script(printer, &args)),
        Verb::WatchPoolers { arguments } => watch_poolers::run(printer, &arguments).await,
        Verb::Complete { words } => Ok(completion::answer(context().await.ok().as_ref(), printer, &words).await),
    }
}
