//! `--dry-run`, as kubectl has it: show what would change, with or without asking the API server.

use clap::{Args, ValueEnum};

/// What a command changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRun {
    /// No dry run: the command makes its changes.
    None,
    /// Only read the cluster and print the plan.
    Client,
    /// Also ask the API server whether it would accept each change.
    Server,
}

/// `--dry-run`
#[derive(Debug, Args)]
pub(crate) struct DryRunFlag {
    /// Change nothing: client prints the plan, server also asks the API server about each change
    #[arg(
        long,
        value_name = "MODE",
        num_args = 0..=1,
        require_equals = true,
        default_value = "none",
        default_missing_value = "client",
        hide_possible_values = true,
        hide_default_value = true
    )]
    pub(crate) dry_run: DryRun,
}
