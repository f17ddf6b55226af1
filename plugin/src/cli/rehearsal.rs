//! Whether anything is done at all.

use clap::{Args, ValueEnum};

/// What is changed when nothing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DryRun {
    /// Everything happens.
    None,
    /// Only look and print the plan.
    Client,
    /// Also ask the API server whether it would accept each change.
    Server,
}

/// Whether anything is done at all.
#[derive(Debug, Args)]
pub(crate) struct Rehearsal {
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
