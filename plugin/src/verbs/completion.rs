//! `completion`: a script that has a shell complete what is typed.

use clap::Args;

use crate::exit::Exit;
use crate::report::Printer;
use crate::verb::{Rights, Verb, command};

/// `completion`
#[derive(Debug, Args)]
struct CompletionArgs {
    /// The shell that reads the script
    shell: clap_complete::Shell,
}

/// The row of `completion`.
pub(super) const VERB: Verb = Verb {
    name: "completion",
    about: "Print a completion script for a shell",
    examples: "\
  kubectl stateful completion bash > /etc/bash_completion.d/kubectl-stateful",
    arguments: CompletionArgs::augment_args,
    rights: Rights::None,
    past_tense: None,
    run: |call| Box::pin(async move { Ok(print_script(call.printer, call.verbs, &call.args()?)) }),
};

fn print_script(printer: Printer, verbs: &'static [Verb], args: &CompletionArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(verbs), "kubectl-stateful", &mut script);
    printer.result(&String::from_utf8_lossy(&script));
    Exit::Done
}
