//! What the API server must allow, a verb at a time; asked before anything begins, printed by `rbac`.

use stateful_cluster::connection::permissions::Permission;

const fn in_namespace(verb: &'static str, group: &'static str, resource: &'static str) -> Permission {
    Permission { verb, group, resource, cluster_wide: false }
}

const fn everywhere(verb: &'static str, group: &'static str, resource: &'static str) -> Permission {
    Permission { verb, group, resource, cluster_wide: true }
}

/// To find the members and ask them. Secrets and ConfigMaps are read only where a pod refers to them.
/// `create` beside `get`: since Kubernetes 1.35 a port-forward over WebSocket needs both.
const LOOKING: &[Permission] = &[
    in_namespace("get", "apps", "statefulsets"),
    in_namespace("list", "apps", "statefulsets"),
    in_namespace("list", "", "pods"),
];

const PORT_FORWARDS: &[Permission] =
    &[in_namespace("get", "", "pods/portforward"), in_namespace("create", "", "pods/portforward")];

const BUDGETS: &[Permission] = &[in_namespace("list", "policy", "poddisruptionbudgets")];

const MOVING: &[Permission] = &[
    in_namespace("create", "", "pods/eviction"),
    in_namespace("patch", "apps", "statefulsets"),
    in_namespace("list", "", "services"),
    in_namespace("patch", "", "services"),
    in_namespace("list", "discovery.k8s.io", "endpointslices"),
    in_namespace("get", "coordination.k8s.io", "leases"),
    in_namespace("create", "coordination.k8s.io", "leases"),
    in_namespace("update", "coordination.k8s.io", "leases"),
    in_namespace("get", "", "configmaps"),
    in_namespace("list", "", "configmaps"),
    in_namespace("create", "", "configmaps"),
    in_namespace("update", "", "configmaps"),
];

const DRAINING: &[Permission] =
    &[everywhere("get", "", "nodes"), everywhere("patch", "", "nodes"), everywhere("list", "", "pods")];

const BACKUPS: &[Permission] = &[
    in_namespace("list", "batch", "jobs"),
    in_namespace("list", "batch", "cronjobs"),
    in_namespace("list", "snapshot.storage.k8s.io", "volumesnapshots"),
    in_namespace("list", "postgresql.cnpg.io", "backups"),
];

/// For `status` and `check`; `inside` the cluster pods are reached without a port-forward.
pub fn for_looking(inside: bool) -> Vec<Permission> {
    if inside { LOOKING.to_vec() } else { [LOOKING, PORT_FORWARDS].concat() }
}

/// For `upgrade`, `switchover`, `resume`, `abort`, `rollback`.
pub fn for_moving(inside: bool) -> Vec<Permission> {
    [for_looking(inside), MOVING.to_vec()].concat()
}

/// For `drain`.
pub fn for_drain() -> Vec<Permission> {
    DRAINING.to_vec()
}

/// For `upgrade` and `drain` to know before anything is touched whether a disruption budget will ever grant the evictions that they
/// need. `check` and `status` do without where budgets may not be read.
pub fn for_budgets() -> Vec<Permission> {
    BUDGETS.to_vec()
}

/// For `check` to see how old a database's newest backup is: what may not be read, or is not installed, is said to be so.
/// Velero's objects are in a namespace of its own; a user who may not list them in all namespaces does without.
pub fn for_backups() -> Vec<Permission> {
    BACKUPS.to_vec()
}
