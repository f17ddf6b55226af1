//! What `guard install` and `guard uninstall` need, a verb at a time; printed by `rbac guard`.

use stateful_cluster::Permission;

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

/// To install. `escalate` and `bind`: whoever gives the guard its rights must have them, or be trusted to give them.
pub(crate) fn to_install() -> Vec<Permission> {
    let verbs = ["get", "create", "patch"];
    let mut wanted = each(EVERYWHERE, &verbs, true);
    wanted.extend(each(OWN, &verbs, false));
    wanted.extend(each(&[(RBAC, "clusterroles")], &["escalate", "bind"], true));
    wanted.extend(each(&[("", "pods")], &["list"], false));
    wanted
}

/// To uninstall: what it made itself lies in all namespaces.
pub(crate) fn to_uninstall() -> Vec<Permission> {
    let verbs = ["list", "delete"];
    let mut wanted = each(EVERYWHERE, &verbs, true);
    wanted.extend(each(OWN, &verbs, false));
    let budgets = ("policy", "poddisruptionbudgets");
    let elsewhere = [("coordination.k8s.io", "leases"), budgets, (RBAC, "roles"), (RBAC, "rolebindings")];
    wanted.extend(each(&elsewhere, &verbs, true));
    wanted.extend(each(&[("", "secrets"), ("", "configmaps")], &verbs, false));
    wanted.extend(each(&[("", "pods"), ("", "persistentvolumeclaims")], &["list"], false));
    wanted.extend(each(&[("", "namespaces"), ("", "persistentvolumes")], &["list", "patch"], true));
    wanted
}

fn each(resources: &[Resource], verbs: &[&'static str], cluster_wide: bool) -> Vec<Permission> {
    let one = |&(group, resource): &Resource| {
        verbs.iter().map(move |&verb| Permission { verb, group, resource, cluster_wide }).collect::<Vec<_>>()
    };
    resources.iter().flat_map(one).collect()
}
