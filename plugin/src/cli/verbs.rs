//! The verbs and their flags.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::guard::GuardArgs;
use super::quantities::{bytes, duration};
use super::rehearsal::Rehearsal;
use super::replacing::Replacing;
use super::rollback::RollbackArgs;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show databases: members, roles, lag, and whether each may be taken away now
    Status(StatusArgs),
    /// Ask before an upgrade or a drain: would it be safe, and if not, why not
    Check(CheckArgs),
    /// Bring every member to a new image, or to what the StatefulSet declares, losing no write
    Upgrade(UpgradeArgs),
    /// Make another member the primary
    Switchover(SwitchoverArgs),
    /// Empty nodes: primaries switch over first, members leave one at a time
    Drain(DrainArgs),
    /// Go on with an operation that stopped or whose machine died
    #[command(after_help = "Examples:
  kubectl stateful resume redis -n shop    # shows what is left and asks
  kubectl stateful history redis -n shop   # who began it, and how far it came")]
    Resume(ResumeArgs),
    /// End an unfinished operation where it is
    #[command(after_help = "Examples:
  kubectl stateful abort redis -n shop     # the members stay as they are; says what is left to do")]
    Abort(TargetArgs),
    /// Bring the old image back, as long as that loses nothing
    #[command(after_help = "Examples:
  kubectl stateful rollback mongo -n shop  # until its finalize; refused, with the reason, where data would be lost

  # Then: which backup there is, what it lacks, and how to restore it beside the database
  kubectl stateful rollback mongo -n shop --accept-data-loss")]
    Rollback(RollbackArgs),
    /// Make an upgrade to another release final: from then on there is no way back
    #[command(after_help = "Examples:
  kubectl stateful finalize mongo -n shop  # days after the upgrade, when nobody wants to go back")]
    Finalize(ResumeArgs),
    /// Show what was done to a database, by whom, and how it ended
    #[command(after_help = "Examples:
  kubectl stateful history postgres -n shop
  kubectl stateful history postgres -n shop -o json")]
    History(TargetArgs),
    /// Install the guard, which stops everybody else from moving databases unsafely; see how it is
    #[command(after_help = "Examples:
  kubectl stateful guard install --guard-namespace shop
  kubectl stateful guard status
  kubectl stateful guard approve redis-0 -n shop --for 10m --reason 'its node is on fire'")]
    Guard(GuardArgs),
    /// Print a role with just the permissions a verb needs
    #[command(after_help = "Examples:
  kubectl stateful rbac upgrade -n shop | kubectl apply -f -")]
    Rbac(RbacArgs),
    /// Print the version
    Version,
    /// Print a completion script for a shell
    #[command(after_help = "Examples:
  kubectl stateful completion bash > /etc/bash_completion.d/kubectl-stateful")]
    Completion(CompletionArgs),
    /// Resume poolers that are left paused by a process that died
    #[command(name = "__watch-poolers", hide = true)]
    WatchPoolers {
        /// The arguments of that process
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Answer the shell's question what could come next
    #[command(name = "__complete", hide = true)]
    Complete {
        /// The words typed so far
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// A verb that takes a target and nothing else.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's word (redis) if one workload of it is there
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
}

/// Whether to ask.
#[derive(Debug, Clone, Args)]
pub(crate) struct Confirm {
    /// Do not ask; skips no check
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// `status`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl stateful status                # all databases of the namespace
  kubectl stateful status redis -o wide  # one, with nodes and addresses
  kubectl stateful status -A -o json")]
pub(crate) struct StatusArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's word; all of the namespace without it
    pub(crate) target: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "target")]
    pub(crate) all_namespaces: bool,
    /// Go on showing, whenever something changes
    #[arg(short, long)]
    pub(crate) watch: bool,
}

/// `check`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl stateful check redis           # could it be upgraded now?
  kubectl stateful check redis --canary  # and does it take writes, and keep them?
  kubectl stateful check node/node-3     # could the node be drained now? exit code 3 if not")]
pub(crate) struct CheckArgs {
    /// A workload, or node/NODE to forecast a drain
    pub(crate) target: String,
    /// Write keys of our own for three seconds too, and read them back
    #[arg(long)]
    pub(crate) canary: bool,
    #[command(flatten)]
    pub(crate) policy: PolicyFlags,
}

/// Limits and accepted reasons.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Safety")]
pub(crate) struct PolicyFlags {
    /// How many bytes a replica may be behind and still count as in sync (1Mi, 65536)
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub(crate) max_lag: Option<u64>,
    /// Accept a reason by its code; only codes that lose no acknowledged write can be accepted
    #[arg(long, value_name = "CODE")]
    pub(crate) skip_check: Vec<String>,
}

/// What every operation takes.
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
    /// How long one step may take, its waiting included
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration, help_heading = "Operation")]
    pub(crate) step_timeout: Duration,
    /// Write keys of our own all along, and prove at the end that none was lost
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

/// `upgrade`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl stateful upgrade redis --version 8.0            # same image, another tag
  kubectl stateful upgrade redis --image team/redis:8.0.2 --canary --report upgrade.html
  kubectl stateful upgrade redis                          # roll what the StatefulSet already declares (GitOps)
  kubectl stateful upgrade redis --restart -y
  kubectl stateful upgrade redis --version 8.0 --dry-run=client -o yaml > plan.yaml
  kubectl stateful upgrade redis --plan plan.yaml         # exactly that, or not at all")]
pub(crate) struct UpgradeArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's word (redis) if one workload of it is there
    pub(crate) target: String,
    /// The new image of the database's container
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["version", "restart", "plan"])]
    pub(crate) image: Option<String>,
    /// The new version: the present image with this tag
    #[arg(long, value_name = "TAG", conflicts_with_all = ["restart", "plan"])]
    pub(crate) version: Option<String>,
    /// Restart every member as it is
    #[arg(long, conflicts_with = "plan")]
    pub(crate) restart: bool,
    /// Carry out a plan saved by --dry-run=client -o yaml|json; refused if the database is no longer as it saw it
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) replacing: Replacing,
    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,
    #[command(flatten)]
    pub(crate) operation: OperationFlags,
}

/// `switchover`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl stateful switchover redis --to redis-4
  kubectl stateful switchover redis --from redis-0   # to its best replica")]
pub(crate) struct SwitchoverArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's word
    pub(crate) target: String,
    /// The member to lead
    #[arg(long, value_name = "POD")]
    pub(crate) to: Option<String>,
    /// The member that leads now
    #[arg(long, value_name = "POD")]
    pub(crate) from: Option<String>,
    #[command(flatten)]
    pub(crate) operation: OperationFlags,
}

/// `drain`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl stateful drain node-3 --ignore-daemonsets
  kubectl stateful drain node-1 node-2 -y            # one after the other")]
pub(crate) struct DrainArgs {
    /// The nodes
    #[arg(required = true)]
    pub(crate) nodes: Vec<String>,
    /// Leave pods of DaemonSets alone
    #[arg(long)]
    pub(crate) ignore_daemonsets: bool,
    /// Go on although pods lose what they keep in an emptyDir
    #[arg(long)]
    pub(crate) delete_emptydir_data: bool,
    /// Go on although no controller would make some pods again
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,
    #[command(flatten)]
    pub(crate) operation: OperationFlags,
}

/// `resume`, `finalize`
#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// A StatefulSet's name, sts/NAME, or an engine's word
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) operation: OperationFlags,
}

/// `rbac`
#[derive(Debug, Args)]
pub(crate) struct RbacArgs {
    /// The verb to print a role for: status, check, upgrade, drain, guard
    #[arg(default_value = "upgrade")]
    pub(crate) verb: String,
}

/// `completion`
#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    /// bash, zsh, fish, powershell
    pub(crate) shell: clap_complete::Shell,
}
