//! The names by which the guard's own objects are found.

/// The name of the guard's Deployment, webhook configurations, `ClusterRole` and account.
pub const GUARD: &str = "stateful-guard";

/// The name of the Role, and of its binding, that lets the guard read Secrets of a namespace.
pub const SECRET_GRANT: &str = "stateful-guard-secrets";

/// The label on every object that is part of the guard or made by it: its key and its value.
pub const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "stateful-guard");

/// The label that puts a namespace under guard, with the value `enabled`.
pub const GUARD_LABEL: &str = "kubectl-stateful.dev/guard";
