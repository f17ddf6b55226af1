//! The command line: kubectl's conventions, our verbs.

#[expect(clippy::doc_markdown, reason = "the doc comments are the help text, printed as they stand")]
mod client_flags;
#[expect(clippy::doc_markdown, reason = "the doc comments are the help text, printed as they stand")]
mod guard;
mod quantities;
mod rehearsal;
mod replacing;
mod requirement;
mod rollback;
#[expect(clippy::doc_markdown, reason = "the doc comments are the help text, printed as they stand")]
mod verbs;

use clap::{CommandFactory, FromArgMatches, Parser};

pub(crate) use client_flags::{ColorWhen, Globals, Output};
pub(crate) use guard::{ApproveArgs, GuardArgs, GuardVerb, InstallArgs, UninstallArgs};
pub(crate) use rehearsal::DryRun;
pub(crate) use requirement::Requirement;
#[cfg(test)]
pub(crate) use requirement::requirement;
pub(crate) use rollback::RollbackArgs;
pub(crate) use verbs::{
    CheckArgs, CompletionArgs, DrainArgs, OperationFlags, PolicyFlags, ProgressMode, RbacArgs, ResumeArgs, StatusArgs,
    SwitchoverArgs, TargetArgs, UpgradeArgs, Verb,
};

use crate::exit::Exit;

/// Move databases safely while their cluster changes under them.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-stateful",
    version,
    arg_required_else_help = true,
    after_help = "Examples:
  # See every database, its members, and who may be taken away now
  kubectl stateful status -A

  # Upgrade a Redis Cluster without losing or failing a write
  kubectl stateful upgrade redis --version 8.0

  # Empty a node: primaries switch over first, one member at a time
  kubectl stateful drain node-3

Flags go behind the plugin's name: kubectl stateful -n shop status (kubectl takes none before it)."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Reads the command line. Help and version end the process well, a usage error with code 2.
pub(crate) fn parse() -> Result<Cli, Exit> {
    let mut arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    // kubectl calls `kubectl_complete-stateful` with the words typed so far; the same binary answers.
    let name = arguments.first().and_then(|path| std::path::Path::new(path).file_name()).unwrap_or_default();
    if name.to_string_lossy().starts_with("kubectl_complete-") {
        arguments.insert(1, "__complete".into());
        arguments.insert(2, "--".into());
    }
    let matches = command().try_get_matches_from(arguments);
    matches.and_then(|matches| Cli::from_arg_matches(&matches)).map_err(|error| {
        let _ = error.print();
        if error.use_stderr() { Exit::Usage } else { Exit::Done }
    })
}

/// The command under the name people type: `kubectl stateful`.
pub(crate) fn command() -> clap::Command {
    Cli::command().bin_name("kubectl stateful")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }

    #[test]
    fn every_verb_that_takes_words_shows_how() {
        for verb in
            super::command().get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "version")
        {
            let shown = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let typed = format!("kubectl stateful {}", verb.get_name());
            assert!(shown.contains("Examples:") && shown.contains(&typed), "{typed} --help shows no example");
        }
    }
}
