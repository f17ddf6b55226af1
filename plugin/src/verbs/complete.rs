//! `__complete`: the answers kubectl asks for under `kubectl_complete-stateful`. It is not meant to be typed.

use std::time::Duration;

use clap::Args;
use stateful_cluster::discovery::workloads;
use tokio::time::timeout;

use crate::context::Context;
use crate::exit::Exit;
use crate::report::Printer;
use crate::verb::{Rights, Verb, command};

/// `__complete`
#[derive(Debug, Args)]
struct CompleteArgs {
    /// The words typed so far
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// The row of `__complete`.
pub(super) const VERB: Verb = Verb {
    name: "__complete",
    about: "Answer what could come next on the command line",
    examples: "",
    arguments: |command| CompleteArgs::augment_args(command).hide(true),
    rights: Rights::None,
    past_tense: None,
    run: |call| {
        Box::pin(async move {
            let args: CompleteArgs = call.args()?;
            Ok(answer(call.context().await.ok().as_ref(), call.printer, call.verbs, &args.words).await)
        })
    },
};

/// The shell waits for the answer whenever the completion key is pressed.
const WITHIN: Duration = Duration::from_secs(1);

/// Answers what could come next, a choice a line, then cobra's directive: 4 is "no file names".
async fn answer(context: Option<&Context>, printer: Printer, all: &'static [Verb], words: &[String]) -> Exit {
    let (typed, before) = words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let command = command(all);
    let mut verb = None;
    for word in before {
        verb = verb.unwrap_or(&command).find_subcommand(word).or(verb);
    }
    let mut choices: Vec<String> = match verb {
        _ if typed.starts_with('-') => flags(verb.unwrap_or(&command)),
        None => verbs(&command),
        Some(verb) if verb.has_subcommands() => verbs(verb),
        Some(verb) if verb.get_positionals().any(|argument| argument.get_id() == "target") => targets(context).await,
        Some(_) => Vec::new(),
    };
    choices.retain(|choice| choice.starts_with(typed));
    choices.push(":4".to_owned());
    printer.result(&choices.join("\n"));
    Exit::Done
}

fn verbs(command: &clap::Command) -> Vec<String> {
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    shown.map(|verb| verb.get_name().to_owned()).collect()
}

fn flags(command: &clap::Command) -> Vec<String> {
    command
        .get_arguments()
        .filter(|flag| !flag.is_hide_set())
        .filter_map(|flag| flag.get_long())
        .map(|flag| format!("--{flag}"))
        .collect()
}

async fn targets(context: Option<&Context>) -> Vec<String> {
    let Some(context) = context else { return Vec::new() };
    let namespace = Some(context.cluster.namespace.as_str());
    match timeout(WITHIN, workloads::list(&context.cluster, namespace)).await {
        Ok(Ok(workloads)) => workloads.into_iter().map(|workload| workload.id.name).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}
