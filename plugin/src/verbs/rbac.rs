//! `rbac`: a role with exactly the permissions a verb needs.

use std::collections::BTreeMap;

use clap::Args;
use stateful_cluster::connection::permissions::Permission;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;
use crate::verb::{Rights, Verb};

/// `rbac`
#[derive(Debug, Args)]
struct RbacArgs {
    /// The verb to print a role for
    #[arg(default_value = "upgrade")]
    verb: String,
}

/// The row of `rbac`.
pub(super) const VERB: Verb = Verb {
    name: "rbac",
    about: "Print a role with exactly the permissions a verb needs",
    examples: "\
  kubectl stateful rbac upgrade -n shop | kubectl apply -f -",
    arguments: RbacArgs::augment_args,
    rights: Rights::None,
    past_tense: None,
    run: |call| Box::pin(async move { run(call.printer, call.verbs, &call.args()?) }),
};

fn run(printer: Printer, verbs: &[Verb], args: &RbacArgs) -> Result<Exit, Failure> {
    let chosen = verbs.iter().find(|verb| verb.name == args.verb);
    let Some((kind, permissions)) = chosen.and_then(|verb| Some((verb.rights.role()?, verb.rights.permissions())))
    else {
        return Err(without_role(verbs, &args.verb));
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

/// There is no such verb, or it needs no permission.
fn without_role(verbs: &[Verb], word: &str) -> Failure {
    let with_role = verbs.iter().filter(|verb| verb.rights.role().is_some());
    let names: Vec<&str> = with_role.map(|verb| verb.name).collect();
    Failure::usage(format!("there is no role for \"{word}\"; verbs that have one: {}", names.join(", ")))
}
