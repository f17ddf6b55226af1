//! `guard` and its verbs.

use std::time::Duration;

use clap::{ArgAction, Args, Subcommand};

use super::quantities::duration;
use super::rehearsal::{DryRun, Rehearsal};
use super::requirement::{Requirement, requirement};
use super::verbs::Confirm;

/// `guard`
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct GuardArgs {
    #[command(subcommand)]
    pub(crate) verb: GuardVerb,
}

/// What to do with the guard.
#[derive(Debug, Subcommand)]
pub(crate) enum GuardVerb {
    /// Put the guard into the cluster, or bring it to this version and these options
    Install(InstallArgs),
    /// Show whether the guard works, what it watches over, and who passed it by
    Status,
    /// Take the guard out of the cluster again
    Uninstall(UninstallArgs),
    /// Let one pod be taken away though the guard would refuse it, for a short time
    Approve(ApproveArgs),
}

/// `guard install`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl stateful guard install --guard-namespace shop --grant-secrets shop
  kubectl stateful guard install --cert-manager --replicas 3
  kubectl stateful guard install --dry-run=client -o yaml > guard.yaml   # what would be applied, for a repository

A label puts a namespace under guard, now or later: kubectl label namespace shop kubectl-stateful.dev/guard=enabled
Run it again to change an option. Options are not remembered: those left out go back to their defaults.
Namespaces under guard and Secrets that are granted stay. -n is the guard's own namespace: kubectl-stateful without it.")]
pub(crate) struct InstallArgs {
    /// Put a namespace under guard; may be repeated
    #[arg(long, value_name = "NS")]
    pub(crate) guard_namespace: Vec<String>,
    /// Let the guard read the Secrets which the databases of a namespace refer to; may be repeated
    #[arg(long, value_name = "NS")]
    pub(crate) grant_secrets: Vec<String>,
    /// Of the namespaces under guard only those whose labels match as well: env=prod, 'tier in (gold,silver)'; may be repeated
    #[arg(long, value_name = "SELECTOR", value_parser = requirement)]
    pub(crate) namespace_selector: Vec<Requirement>,
    /// How many replicas answer, each on a node of its own
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=9))]
    pub(crate) replicas: u32,
    /// The image, where yours comes from another registry
    #[arg(long)]
    pub(crate) image: Option<String>,
    /// Have cert-manager issue the certificate; without it the guard makes its own
    #[arg(long)]
    pub(crate) cert_manager: bool,
    /// Wait until the replicas answer; the API server is told to ask them only then
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = ArgAction::Set
    )]
    pub(crate) wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,
}

/// `guard uninstall`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl stateful guard uninstall --dry-run   # what would go, and what would stay
  kubectl stateful guard uninstall --purge -y

First the API server stops asking. Databases, their claims and their volumes are not touched; volumes keep the reclaim
policy Retain. Journals of switchovers belong to the databases and stay with them.")]
pub(crate) struct UninstallArgs {
    /// Delete every DisruptionPolicy and their definition too
    #[arg(long)]
    pub(crate) purge: bool,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
    #[command(flatten)]
    pub(crate) rehearsal: Rehearsal,
}

impl UninstallArgs {
    /// Whether only to say what would be done; there is nothing to ask the API server about.
    pub(crate) fn is_rehearsal(&self) -> bool {
        self.rehearsal.dry_run != DryRun::None
    }
}

/// `guard approve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kubectl stateful guard approve redis-0 -n shop --reason \"single copy, clients may wait (CHG-1234)\"
  kubectl stateful guard approve redis-0 --for 30m --reason \"node-3 must go today\"

It holds for this very pod: not for the one that comes after it under the same name. Who, why and until when is in an
Event of the pod and in the audit log.")]
pub(crate) struct ApproveArgs {
    /// The pod
    pub(crate) pod: String,
    /// How long it holds, an hour at most
    #[arg(long = "for", value_name = "DURATION", default_value = "10m", value_parser = for_a_while)]
    pub(crate) lasting: Duration,
    /// Why, for whoever looks into it afterwards
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
}

/// As long as an approval may hold: one that is forgotten must not be found by next week's drain.
const LONGEST: Duration = Duration::from_hours(1);

fn for_a_while(text: &str) -> Result<Duration, String> {
    let lasting = duration(text)?;
    if lasting.is_zero() || lasting > LONGEST {
        return Err("an approval holds for more than nothing and at most 1h".to_owned());
    }
    Ok(lasting)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::time::Duration;

    use super::for_a_while;
    use crate::cli::command;

    /// The help of `guard` and of each of its verbs, as a terminal of 120 columns shows it.
    #[test]
    fn the_help_says_what_the_golden_file_says() {
        let mut text = String::new();
        for verb in [None, Some("install"), Some("status"), Some("uninstall"), Some("approve")] {
            let typed: Vec<&str> = ["guard"].into_iter().chain(verb).chain(["-h"]).collect();
            let asked = command().term_width(120).try_get_matches_from([&["kubectl-stateful"], &typed[..]].concat());
            let help = asked.expect_err("help is no match").render();
            write!(text, "$ kubectl stateful {}\n{help}\n", typed.join(" ")).expect("text");
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/guard-help.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file, &text).expect("a writable file");
        }
        let found = std::fs::read_to_string(file).unwrap_or_default();
        assert!(found == text, "UPDATE_GOLDEN=1 writes {file} anew. It should be:\n{text}");
    }

    #[test]
    fn an_approval_ends_within_the_hour() {
        assert_eq!(for_a_while("1h"), Ok(Duration::from_hours(1)));
        for wrong in ["0", "61m", "2h", "10"] {
            assert!(for_a_while(wrong).is_err(), "{wrong}");
        }
    }
}
