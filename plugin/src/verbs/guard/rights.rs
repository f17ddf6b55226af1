//! The permissions that the guard's verbs need; `rbac guard` prints them.

use std::collections::BTreeMap;

use stateful_cluster::connection::permissions::Permission;

/// A group and a resource.
type Resource = (&'static str, &'static str);

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Kinds without a namespace.
const EVERYWHERE: &[Resource] = &[
    ("", "namespaces"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    (RBAC, "clusterroles"),
    (RBAC, "clusterrolebindings"),
    (ADMISSION, "mutatingwebhookconfigurations"),
    (ADMISSION, "validatingwebhookconfigurations"),
    (ADMISSION, "validatingadmissionpolicies"),
    (ADMISSION, "validatingadmissionpolicybindings"),
];

/// Kinds in the guard's own namespace.
const OWN: &[Resource] = &[
    ("", "serviceaccounts"),
    ("", "services"),
    (RBAC, "roles"),
    (RBAC, "rolebindings"),
    ("policy", "poddisruptionbudgets"),
    ("apps", "deployments"),
];

/// Kinds that other software defines, which a cluster may not have.
const ISSUING: &[Resource] = &[("cert-manager.io", "issuers"), ("cert-manager.io", "certificates")];
const WATCHING: &[Resource] =
    &[("monitoring.coreos.com", "servicemonitors"), ("monitoring.coreos.com", "prometheusrules")];

/// To install. `escalate` and `bind` are needed because Kubernetes lets a user grant only the rights the user has, unless the
/// user has these two.
pub(super) fn to_install(cert_manager: bool) -> Vec<Permission> {
    let verbs = ["get", "create", "patch"];
    let mut wanted = each(EVERYWHERE, &verbs, true);
    wanted.extend(each(OWN, &verbs, false));
    if cert_manager {
        wanted.extend(each(ISSUING, &verbs, false));
        wanted.extend(each(&[("cert-manager.io", "certificates")], &["list"], true));
    }
    wanted.extend(each(&[(RBAC, "clusterroles")], &["escalate", "bind"], true));
    wanted.extend(each(&[(RBAC, "roles")], &["escalate", "bind"], false));
    wanted.extend(each(&[("", "pods")], &["list"], false));
    wanted
}

/// To see how the guard is. What may not be read is shown as unknown; the counts of what passed unasked are in the API
/// server's `/metrics`, which no rule about a resource grants.
pub(super) fn to_see_status() -> Vec<Permission> {
    let get = [
        ("apps", "deployments"),
        ("", "pods/proxy"),
        (RBAC, "clusterrolebindings"),
        (ADMISSION, "mutatingwebhookconfigurations"),
        (ADMISSION, "validatingwebhookconfigurations"),
    ];
    let list = [
        ("", "pods"),
        ("", "namespaces"),
        ("", "events"),
        ("apps", "statefulsets"),
        (RBAC, "roles"),
        ("kubectl-stateful.dev", "disruptionpolicies"),
    ];
    [each(&get, &["get"], true), each(&list, &["list"], true)].concat()
}

/// To uninstall: objects that the guard created are in all namespaces.
pub(super) fn to_uninstall() -> Vec<Permission> {
    let verbs = ["get", "list", "delete"];
    let budgets = ("policy", "poddisruptionbudgets");
    let elsewhere = [("coordination.k8s.io", "leases"), budgets, (RBAC, "roles"), (RBAC, "rolebindings")];
    let mut wanted = each(EVERYWHERE, &verbs, true);
    wanted.extend(each(&elsewhere, &verbs, true));
    for own in [OWN, ISSUING, WATCHING, &[("", "secrets"), ("", "configmaps")]] {
        wanted.extend(each(own, &verbs, false));
    }
    wanted.extend(each(&[("", "pods"), ("", "persistentvolumeclaims")], &["list"], false));
    wanted.extend(each(&[("kubectl-stateful.dev", "disruptionpolicies")], &["list"], true));
    wanted.extend(each(&[("", "namespaces"), ("", "persistentvolumes")], &["list", "patch"], true));
    wanted
}

/// Missing permissions as text, the verbs of a resource together.
pub(super) fn listed(missing: &[Permission]) -> String {
    let mut verbs: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for permission in missing {
        verbs.entry((permission.group, permission.resource)).or_default().push(permission.verb);
    }
    let each = verbs.into_iter().map(|((group, resource), verbs)| {
        let dot = if group.is_empty() { "" } else { "." };
        format!("{} {resource}{dot}{group}", verbs.join("/"))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn each(resources: &[Resource], verbs: &[&'static str], cluster_wide: bool) -> Vec<Permission> {
    let one = |&(group, resource): &Resource| {
        verbs.iter().map(move |&verb| Permission { verb, group, resource, cluster_wide }).collect::<Vec<_>>()
    };
    resources.iter().flat_map(one).collect()
}

#[cfg(test)]
mod tests {
    use stateful_cluster::connection::permissions::Permission;
    use stateful_cluster::guard::object::KINDS;

    use super::super::uninstall::ELSEWHERE;
    use super::{listed, to_install, to_uninstall};

    #[test]
    fn every_kind_that_may_be_installed_may_be_uninstalled() {
        let wanted = to_uninstall();
        for kind in KINDS.iter().filter(|kind| kind.ours && kind.kind != "DisruptionPolicy") {
            let everywhere = !kind.namespaced || ELSEWHERE.contains(&kind.kind);
            for verb in ["get", "list", "delete"] {
                let is_it = |p: &Permission| {
                    (p.verb, p.group, p.resource) == (verb, kind.group, kind.plural) && p.cluster_wide >= everywhere
                };
                assert!(wanted.iter().any(is_it), "{verb} {}", kind.plural);
            }
        }
    }

    #[test]
    fn missing_permissions_are_listed_resource_by_resource() {
        let missing: Vec<_> =
            to_install(false).into_iter().filter(|p| p.resource.contains("deploy") || p.resource == "pods").collect();
        assert_eq!(listed(&missing), "list pods, get/create/patch deployments.apps");
    }
}
