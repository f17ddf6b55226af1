//! What every command needs: the cluster, the flags that concern all, and the way to a target.

use std::sync::Arc;

use stateful_cluster::{Cluster, Permission, Target};
use stateful_operations::Live;
use stateful_safety::{Policy, Workload};
use tokio::sync::watch;

use crate::cli::{Globals, PolicyFlags};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::Printer;
use crate::watchdog;

/// A command's surroundings.
pub(crate) struct Context {
    pub(crate) cluster: Cluster,
    pub(crate) printer: Printer,
    /// Turns true when the user asks an operation to stop.
    pub(crate) stop: watch::Sender<bool>,
}

/// A workload with its way in opened.
pub(crate) struct Opened {
    pub(crate) workload: Workload,
    pub(crate) live: Arc<Live>,
}

impl Context {
    pub(crate) async fn new(globals: &Globals, printer: Printer) -> Result<Self, Failure> {
        let cluster = stateful_cluster::connect(&globals.client_options()?).await?;
        Ok(Self { cluster, printer, stop: watch::channel(false).0 })
    }

    /// Refuses, with their names, when permissions are missing. Asked first, so that nothing is half done for want of one.
    pub(crate) async fn need(&self, namespace: &str, permissions: &[Permission]) -> Result<(), Failure> {
        let missing = stateful_cluster::missing(&self.cluster, namespace, permissions).await?;
        if missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
        let message =
            format!("you lack permission in namespace \"{namespace}\" to: {}; nothing was touched", names.join(", "));
        Err(Failure::new(Exit::Error, message).hint("print a role that has them: kubectl stateful rbac"))
    }

    /// The workload a target means.
    pub(crate) async fn find(&self, target: &str) -> Result<Workload, Failure> {
        let namespace = &self.cluster.namespace;
        let workloads = stateful_cluster::discover_all(&self.cluster, Some(namespace)).await?;
        match stateful_cluster::pick(&Target(target.to_owned()), namespace, &workloads) {
            Ok(workload) => Ok(workload.clone()),
            Err(unknown) => Err(self.kept_by_its_operator(target).await.unwrap_or_else(|| unknown.into())),
        }
    }

    /// What to say of a target whose pods an operator keeps without a StatefulSet; it is asked, not bypassed.
    async fn kept_by_its_operator(&self, target: &str) -> Option<Failure> {
        let namespace = &self.cluster.namespace;
        let name = target.rsplit('/').next().unwrap_or(target);
        // Who may not read pods is told so elsewhere.
        let operated = stateful_cluster::operator_of(&self.cluster, namespace, name).await.ok()??;
        let flags = if *namespace == self.cluster.home { String::new() } else { format!(" -n {namespace}") };
        let why = format!("{operated} keeps its pods itself, without a StatefulSet: it moves them, not this tool");
        Some(Failure::blocked(why).hint(operated.ask_of_pods(&flags)))
    }

    /// The workload a target means, with its way in opened.
    pub(crate) async fn open(&self, target: &str) -> Result<Opened, Failure> {
        let workload = self.find(target).await?;
        self.open_workload(workload).await
    }

    /// A workload's way in, opened.
    pub(crate) async fn open_workload(&self, workload: Workload) -> Result<Opened, Failure> {
        let live = Live::open(&self.cluster, &workload, self.stop.subscribe()).await?;
        let live = live.with_watchdog(watchdog::command_line());
        Ok(Opened { workload, live: Arc::new(live) })
    }

    /// A workload as one would type it: with its namespace, unless that is where commands go by themselves.
    pub(crate) fn typed(&self, workload: &Workload) -> String {
        if workload.id.namespace == self.cluster.home {
            workload.id.name.clone()
        } else {
            format!("{} -n {}", workload.id.name, workload.id.namespace)
        }
    }
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

/// Who runs this, for the claim and the journal: enough for a colleague to come and ask.
pub(crate) fn who() -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME")).unwrap_or_else(|| "somebody".to_owned());
    let host = variable("HOSTNAME")
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map_or_else(|| "an unnamed host".to_owned(), |host| host.trim().to_owned());
    format!("{user}@{host}")
}
