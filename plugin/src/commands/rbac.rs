//! `rbac`: a role with just what a verb needs.

use std::collections::BTreeMap;

use stateful_cluster::connection::permissions::Permission;
use stateful_operations::{for_backups, for_drain, for_looking, for_moving};

use super::guard::{to_install, to_uninstall};
use crate::cli::RbacArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;

pub(crate) fn run(printer: Printer, args: &RbacArgs) -> Result<Exit, Failure> {
    let (kind, permissions) = match args.verb.as_str() {
        "status" | "history" => ("Role", for_looking(false)),
        "check" => ("Role", [for_looking(false), for_backups()].concat()),
        "upgrade" | "switchover" | "resume" | "abort" | "rollback" => ("Role", for_moving(false)),
        "drain" => ("ClusterRole", [for_moving(false), for_drain()].concat()),
        "guard" => ("ClusterRole", [to_install(true), to_uninstall()].concat()),
        other => {
            let there_are = "status, check, upgrade, drain, guard";
            return Err(Failure::usage(format!("no verb \"{other}\" needs a role; there are: {there_are}")));
        }
    };
    let mut rules: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for Permission { verb, group, resource, cluster_wide: _ } in permissions {
        let verbs = rules.entry((group, resource)).or_default();
        if !verbs.contains(&verb) {
            verbs.push(verb);
        }
    }
    let head = format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: kubectl-stateful-{}\nrules:",
        args.verb
    );
    let rules = rules.into_iter().map(|((group, resource), verbs)| {
        format!("- apiGroups: [\"{group}\"]\n  resources: [\"{resource}\"]\n  verbs: [{}]", verbs.join(", "))
    });
    let secrets = "# Where a pod takes its password or its certificates from a Secret, add that one by name:\n\
         # - apiGroups: [\"\"]\n#   resources: [\"secrets\"]\n#   resourceNames: [\"NAME\"]\n#   verbs: [get]\n\
         # Where its configuration is in a ConfigMap, the same for \"configmaps\".";
    let secrets = (args.verb != "guard").then(|| secrets.to_owned()); // it reads none
    let lines: Vec<String> = std::iter::once(head).chain(rules).chain(secrets).collect();
    printer.result(&lines.join("\n"));
    Ok(Exit::Done)
}
