//! `guard`: its own verbs, a file and a row each.

mod approve;
mod install;
mod manifests;
mod rights;
mod status;
mod uninstall;
mod waiting;

use stateful_cluster::connection::permissions;
use stateful_cluster::connection::permissions::Permission;
use stateful_cluster::guard::installed;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::verb::{Rights, Verb};

/// Every verb of the guard, in the order in which the help lists them.
const VERBS: &[Verb] = &[install::VERB, status::VERB, uninstall::VERB, approve::VERB];

/// The row of `guard`. Its role has what any of its verbs needs.
pub(super) const VERB: Verb = Verb {
    name: "guard",
    about: "Install the guard, which stops everyone else from moving databases unsafely; see how it is",
    examples: "\
  kubectl stateful guard install --guard-namespace shop
  kubectl stateful guard status
  kubectl stateful guard approve redis-0 -n shop --for 10m --reason 'its node is on fire'",
    arguments: |command| {
        command.arg_required_else_help(true).subcommand_required(true).subcommands(VERBS.iter().map(Verb::command))
    },
    rights: Rights::Cluster(|| VERBS.iter().flat_map(|verb| verb.rights.permissions()).collect()),
    past_tense: None,
    run: |call| Box::pin(call.dispatch(VERBS)),
};

/// The namespace the guard is in: the one named, else the one it is installed in, else its own by default.
async fn home(context: &Context, named: Option<&str>) -> Result<String, Failure> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let installed = installed::find_namespace(&context.cluster).await?;
    Ok(installed.unwrap_or_else(|| manifests::NAMESPACE.to_owned()))
}

/// Refuses, naming the permissions that are missing, so that an installation never stops half-way for want of one.
async fn need(context: &Context, namespace: &str, wanted: &[Permission]) -> Result<(), Failure> {
    let missing = permissions::find_missing(&context.cluster, namespace, wanted).await?;
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("you lack permission to: {}; nothing was touched", rights::listed(&missing));
    Err(Failure::new(Exit::Error, message).hint("print a role that has them: kubectl stateful rbac guard"))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::VERB;
    use crate::verb::command;

    /// The help of `guard` and of each of its verbs, as a terminal of 120 columns shows it.
    #[test]
    fn the_help_says_what_the_golden_file_says() {
        let mut text = String::new();
        for verb in [None, Some("install"), Some("status"), Some("uninstall"), Some("approve")] {
            let typed: Vec<&str> = ["guard"].into_iter().chain(verb).chain(["-h"]).collect();
            let asked =
                command(&[VERB]).term_width(120).try_get_matches_from([&["kubectl-stateful"], &typed[..]].concat());
            let help = asked.expect_err("help is no match").render();
            write!(text, "$ kubectl stateful {}\n{help}\n", typed.join(" ")).expect("text");
        }
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/verbs/guard/help.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file, &text).expect("a writable file");
        }
        let found = std::fs::read_to_string(file).unwrap_or_default();
        assert!(found == text, "UPDATE_GOLDEN=1 writes {file} anew. It should be:\n{text}");
    }
}
