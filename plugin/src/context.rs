//! What every verb that reads the cluster needs: a connection, where to print, and how to find and open a database.

use std::sync::Arc;

use stateful_cluster::Cluster;
use stateful_cluster::connection;
use stateful_cluster::connection::permissions;
use stateful_cluster::connection::permissions::Permission;
use stateful_cluster::discovery::operators;
use stateful_cluster::discovery::target;
use stateful_cluster::discovery::target::TargetName;
use stateful_cluster::discovery::workloads;
use stateful_operations::Live;
use stateful_safety::{Policy, Workload};
use tokio::sync::watch;

use crate::cli::{Globals, PolicyFlags};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;
use crate::watchdog;

/// A connection to the cluster, where to print, and the switch that stops an operation.
pub(crate) struct Context {
    pub(crate) cluster: Cluster,
    pub(crate) printer: Printer,
    /// Becomes true when the user asks the operation to stop.
    pub(crate) stop: watch::Sender<bool>,
}

/// A database with its connections open.
pub(crate) struct Opened {
    pub(crate) workload: Workload,
    pub(crate) live: Arc<Live>,
}

impl Context {
    pub(crate) async fn new(globals: &Globals, printer: Printer) -> Result<Self, Failure> {
        let cluster = connection::connect(&globals.client_options()?, stateful_engines::profiles()).await?;
        Ok(Self { cluster, printer, stop: watch::channel(false).0 })
    }

    /// Refuses, naming the permissions that are missing. Called first, so that no operation stops half-way for want of one.
    pub(crate) async fn need(&self, namespace: &str, permissions: &[Permission]) -> Result<(), Failure> {
        let missing = permissions::find_missing(&self.cluster, namespace, permissions).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let message =
            format!("you lack permission in namespace \"{namespace}\" to: {}; nothing was touched", names.join(", "));
        Err(Failure::new(Exit::Error, message).hint("print a role that has them: kubectl stateful rbac VERB"))
    }

    /// The database a target names.
    pub(crate) async fn find(&self, target: &str) -> Result<Workload, Failure> {
        let namespace = &self.cluster.namespace;
        let workloads = workloads::list(&self.cluster, Some(namespace)).await?;
        match target::pick(&TargetName(target.to_owned()), namespace, &workloads, stateful_engines::profiles()) {
            Ok(workload) => Ok(workload.clone()),
            Err(unknown) => Err(self.kept_by_its_operator(target).await.unwrap_or_else(|| unknown.into())),
        }
    }

    /// The refusal for a database whose pods its operator manages without a `StatefulSet`: the operator has to be asked.
    async fn kept_by_its_operator(&self, target: &str) -> Option<Failure> {
        let namespace = &self.cluster.namespace;
        let name = target.rsplit('/').next().unwrap_or(target);
        // A missing permission to read pods is reported elsewhere.
        let operated = operators::find_owner(&self.cluster, namespace, name).await.ok()??;
        let flags = self.namespace_flag(namespace);
        let why = format!("{operated} manages its pods itself, without a StatefulSet: only the operator can move them");
        Some(Failure::blocked(why).hint(operated.ask_of_pods(&flags)))
    }

    /// The database a target names, with its connections open.
    pub(crate) async fn open(&self, target: &str) -> Result<Opened, Failure> {
        let workload = self.find(target).await?;
        self.open_workload(workload).await
    }

    /// A database with its connections opened.
    pub(crate) async fn open_workload(&self, workload: Workload) -> Result<Opened, Failure> {
        let live = Live::open(&self.cluster, &workload, self.stop.subscribe()).await?;
        let live = live.with_watchdog(watchdog::command_line());
        Ok(Opened { workload, live: Arc::new(live) })
    }

    /// A command about one database, as its user has to type it: `kubectl stateful resume redis -n shop`.
    pub(crate) fn command(&self, verb: &str, workload: &Workload) -> String {
        format!("kubectl stateful {verb} {}", self.typed(workload))
    }

    /// A database's name as its user has to type it, with its namespace.
    pub(crate) fn typed(&self, workload: &Workload) -> String {
        format!("{}{}", workload.id.name, self.namespace_flag(&workload.id.namespace))
    }

    /// The flag that a command about a namespace needs: none where kubectl goes to that namespace by default.
    pub(crate) fn namespace_flag(&self, namespace: &str) -> String {
        namespace_flag(&self.cluster.home, namespace)
    }
}

fn namespace_flag(home: &str, namespace: &str) -> String {
    if namespace == home { String::new() } else { format!(" -n {namespace}") }
}

/// The judge's limits for this run.
pub(crate) fn policy(flags: &PolicyFlags) -> Policy {
    let default = Policy::default();
    Policy {
        max_lag_bytes: flags.max_lag.unwrap_or(default.max_lag_bytes),
        accepted: flags.skip_check.iter().cloned().collect(),
        ..default
    }
}

/// The user and the machine, for the operation lock and the journal, so that a colleague knows whom to ask.
pub(crate) fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "an unnamed user".to_owned());
    let host = variable("HOSTNAME")
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map_or_else(|| "an unnamed host".to_owned(), |host| host.trim().to_owned());
    format!("{user}@{host}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_command_names_its_namespace_unless_kubectl_goes_there_by_default() {
        assert_eq!(super::namespace_flag("default", "shop"), " -n shop");
        assert_eq!(super::namespace_flag("shop", "shop"), "");
    }
}
