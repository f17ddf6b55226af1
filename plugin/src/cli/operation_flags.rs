//! The flags of every operation on a database: whether to ask, which limits, how long, how progress is shown.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::quantities::{bytes, duration};

/// One database, and whether to ask.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's name (redis) if the namespace has one database of it
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
}

/// One database, and the flags of an operation on it.
#[derive(Debug, Args)]
pub(crate) struct OperationArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's name (redis) if the namespace has one database of it
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) operation: OperationFlags,
}

/// Whether to ask.
#[derive(Debug, Clone, Args)]
pub(crate) struct Confirm {
    /// Do not ask for confirmation; every check still runs
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Limits and accepted reasons.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct PolicyFlags {
    /// How many bytes a replica may be behind and still count as in sync (1Mi, 65536)
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(crate) max_lag: Option<u64>,
    /// Accept a reason by its code; a reason that could lose acknowledged writes cannot be accepted
    #[arg(long, value_name = "CODE")]
    pub(crate) skip_check: Vec<String>,
}

/// The flags of every operation.
#[derive(Debug, Clone, Args)]
pub(crate) struct OperationFlags {
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) policy: PolicyFlags,
    /// How long the whole operation may take (30m, 2h; 0 is no limit)
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "0",
        hide_default_value = true,
        value_parser = duration,
        help_heading = "Operation"
    )]
    pub(crate) timeout: Duration,
    /// How long one step may take, including the time it waits
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration, help_heading = "Operation")]
    pub(crate) step_timeout: Duration,
    /// Write test keys during the operation, and report at the end whether an acknowledged write was lost
    #[arg(long, help_heading = "Operation")]
    pub(crate) canary: bool,
    /// Write a report that opens in a browser
    #[arg(long, value_name = "FILE.html", help_heading = "Operation")]
    pub(crate) report: Option<PathBuf>,
    /// How progress is shown: auto, tty, plain, json (one event a line, on stderr)
    #[arg(
        long,
        value_name = "MODE",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Operation"
    )]
    pub(crate) progress: ProgressMode,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressMode {
    /// A live table on a terminal, lines elsewhere.
    Auto,
    /// A live table.
    Tty,
    /// Lines with the time.
    Plain,
    /// One JSON object a line.
    Json,
}
