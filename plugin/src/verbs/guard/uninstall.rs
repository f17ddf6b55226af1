//! `guard uninstall`: the API server stops asking the guard first, then every object with the guard's label is deleted.
//!
//! The replicas are gone before the objects they create are deleted: a leader that still ran would create them again.

use std::time::Duration;

use clap::Args;
use stateful_cluster::Error as ClusterError;
use stateful_cluster::guard::install;
use stateful_cluster::guard::lookup;
use stateful_cluster::guard::names::GUARD_LABEL;
use stateful_cluster::guard::object::{GuardObject, ObjectKind};
use tokio::time::{Instant, sleep};

use super::{home, need, rights};
use crate::cli::{Confirm, DryRun, DryRunFlag};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{AppliedLine, Changes, can_ask};
use crate::verb::{Rights, Verb};

/// The label of the guard's own objects and of the objects it creates.
const PART: &str = "app.kubernetes.io/part-of=stateful-guard";

/// The label of what this tool and the guard write: certificates, eviction records and operation locks.
const WRITTEN: &str = "app.kubernetes.io/managed-by=kubectl-stateful";

/// Kinds in the order in which they are deleted. What makes the API server ask or refuse comes first; then the replicas, and
/// once they are gone, the rest.
const FIRST: &[&str] = &[
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "Deployment",
];
const THEN: &[&str] = &[
    "ServiceMonitor",
    "PrometheusRule",
    "ConfigMap",
    "Certificate",
    "Issuer",
    "Secret",
    "Lease",
    "PodDisruptionBudget",
    "Service",
    "RoleBinding",
    "Role",
    "ClusterRoleBinding",
    "ClusterRole",
    "ServiceAccount",
];

/// Kinds that the guard also creates in other namespaces, or that have no namespace. Other kinds (Secrets) are never even
/// listed outside the guard's namespace.
pub(super) const ELSEWHERE: &[&str] =
    &["Lease", "PodDisruptionBudget", "RoleBinding", "Role", "ClusterRoleBinding", "ClusterRole"];

/// A replica has 30 s to end; twice that.
const GONE_WITHIN: Duration = Duration::from_mins(1);

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Everything that is deleted.
struct Leftovers {
    first: Vec<GuardObject>,
    then: Vec<GuardObject>,
    /// Namespaces and volumes that carry the guard's label.
    marked: Vec<GuardObject>,
    /// The guard's own namespace, if `install` created it and it holds nothing else.
    namespace: Option<GuardObject>,
    /// The definition of `DisruptionPolicy`; the policies are deleted with it.
    definition: Vec<GuardObject>,
    /// What stays, and why.
    stays: Vec<String>,
}

/// `guard uninstall`
#[derive(Debug, Args)]
struct UninstallArgs {
    /// Also delete every DisruptionPolicy and the definition of that kind
    #[arg(long)]
    purge: bool,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    dry_run: DryRunFlag,
}

impl UninstallArgs {
    /// Whether only to say what would be deleted; a deletion leaves nothing to ask the API server about in advance.
    fn is_dry_run(&self) -> bool {
        self.dry_run.dry_run != DryRun::None
    }
}

/// The row of `guard uninstall`.
pub(super) const VERB: Verb = Verb {
    name: "uninstall",
    about: "Take the guard out of the cluster again",
    examples: "\
  kubectl stateful guard uninstall --dry-run   # what would be deleted, and what would stay
  kubectl stateful guard uninstall --purge -y

The API server stops asking the guard first. Databases, their claims and their volumes are not touched; volumes keep the
reclaim policy Retain. Journals of switchovers belong to the databases and stay with them.",
    arguments: UninstallArgs::augment_args,
    rights: Rights::Cluster(rights::to_uninstall),
    past_tense: None,
    run: |call| Box::pin(async move { run(&call.context().await?, call.globals.namespace(), &call.args()?).await }),
};

async fn run(context: &Context, named: Option<&str>, args: &UninstallArgs) -> Result<Exit, Failure> {
    if !args.confirm.yes && !args.is_dry_run() && !can_ask() {
        return Err(Failure::usage("there is no terminal to ask on; say --yes to go ahead without being asked"));
    }
    let namespace = home(context, named).await?;
    need(context, &namespace, &rights::to_uninstall()).await?;
    let found = find(context, &namespace, args.purge).await?;
    if found.all().next().is_none() && found.marked.is_empty() {
        context.printer.note("the guard is not installed in this cluster");
        return Ok(Exit::Done);
    }
    for line in &found.stays {
        context.printer.note(&format!("stays: {line}"));
    }
    let mut changes = Changes::new(context.printer);
    if args.is_dry_run() {
        for object in found.all() {
            changes.add(AppliedLine::of(object, "would be deleted (dry run)"));
        }
        for object in &found.marked {
            changes.add(AppliedLine::of(object, "would no longer be guarded (dry run)"));
        }
        changes.print();
        return Ok(Exit::Done);
    }
    let question = format!(
        "Delete the guard in namespace {namespace}, {} objects, and take {} namespaces and volumes from under guard?",
        found.all().count(),
        found.marked.len()
    );
    if !args.confirm.yes && !context.printer.ask(&question) {
        return Err(Failure::declined());
    }
    carry_out(context, &namespace, &found, &mut changes).await?;
    changes.print();
    Ok(Exit::Done)
}

async fn find(context: &Context, namespace: &str, purge: bool) -> Result<Leftovers, Failure> {
    let cluster = &context.cluster;
    let labelled = async |kind: &'static str, place: Option<&str>, label: &str| {
        let kind = ObjectKind::named(kind)?;
        lookup::list_labelled(cluster, kind, place, label).await.map_err(Failure::from)
    };
    let mut found = Leftovers {
        first: Vec::new(),
        then: Vec::new(),
        marked: Vec::new(),
        namespace: None,
        definition: Vec::new(),
        stays: Vec::new(),
    };
    for kind in FIRST {
        found.first.extend(labelled(kind, None, PART).await?);
    }
    for kind in THEN {
        let place = (!ELSEWHERE.contains(kind)).then_some(namespace);
        found.then.extend(labelled(kind, place, PART).await?);
    }
    found.then.extend(labelled("Secret", Some(namespace), WRITTEN).await?);
    let leases = labelled("Lease", None, WRITTEN).await?.into_iter();
    found.then.extend(leases.filter(|lease| is_the_guards(lease, namespace)));
    for kind in ["Namespace", "PersistentVolume"] {
        found.marked.extend(labelled(kind, None, GUARD_LABEL).await?);
    }
    let definition = labelled("CustomResourceDefinition", None, PART).await?;
    let policies = labelled("DisruptionPolicy", None, "").await?.len();
    if purge {
        found.definition = definition;
    } else if !definition.is_empty() {
        found
            .stays
            .push(format!("the definition of DisruptionPolicy, and {policies} policies; --purge deletes them too"));
    }
    let own = labelled("Namespace", None, PART).await?;
    if let Some(own) = own.into_iter().find(|own| own.name() == namespace) {
        match strangers(context, namespace).await?.as_slice() {
            [] => found.namespace = Some(own),
            others => found.stays.push(format!("namespace {namespace}: it holds {}", others.join(", "))),
        }
    }
    Ok(found)
}

/// A Lease that only the guard uses. Claims of operations are the databases', and go with them.
fn is_the_guards(lease: &GuardObject, namespace: &str) -> bool {
    lease.name().starts_with("stateful.guard.")
        || (lease.namespace() == Some(namespace) && lease.name() == "stateful-guard-leader")
}

/// What is in the guard's namespace and not the guard's.
async fn strangers(context: &Context, namespace: &str) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    for kind in ["Pod", "PersistentVolumeClaim", "Service", "ConfigMap", "Secret"] {
        let there = lookup::list_labelled(&context.cluster, ObjectKind::named(kind)?, Some(namespace), "").await?;
        // Kubernetes puts this one into every namespace.
        let others = there.iter().filter(|object| !object.is_ours() && object.name() != "kube-root-ca.crt");
        found.extend(others.map(ToString::to_string));
    }
    Ok(found)
}

impl Leftovers {
    /// Everything that is deleted, in its order.
    fn all(&self) -> impl Iterator<Item = &GuardObject> {
        self.first.iter().chain(&self.then).chain(&self.definition).chain(&self.namespace)
    }
}

async fn carry_out(
    context: &Context,
    namespace: &str,
    found: &Leftovers,
    changes: &mut Changes,
) -> Result<(), Failure> {
    let mut remove = async |object: &GuardObject| {
        if install::remove(&context.cluster, object).await? {
            changes.add(AppliedLine::of(object, "deleted"));
        }
        Ok::<_, Failure>(())
    };
    for object in &found.first {
        remove(object).await?;
    }
    until_gone(context, "its replicas", async || {
        let replicas = "app.kubernetes.io/name=stateful-guard";
        Ok(lookup::list_labelled(&context.cluster, ObjectKind::named("Pod")?, Some(namespace), replicas)
            .await?
            .is_empty())
    })
    .await?;
    for object in &found.then {
        remove(object).await?;
    }
    for object in &found.marked {
        let label = (GUARD_LABEL, None);
        match install::set_label(&context.cluster, object.kind(), object.name(), label, false).await {
            // One that has gone meanwhile is guarded no more.
            Ok(()) | Err(ClusterError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for object in found.definition.iter().chain(&found.namespace) {
        remove(object).await?;
    }
    for object in &found.marked {
        changes.add(AppliedLine::of(object, "no longer guarded"));
    }
    if let Some(own) = &found.namespace {
        until_gone(context, "its namespace", async || {
            Ok(lookup::find(&context.cluster, own.kind(), None, own.name()).await?.is_none())
        })
        .await?;
    }
    Ok(())
}

async fn until_gone(
    context: &Context,
    what: &str,
    is_gone: impl AsyncFn() -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let mut said = false;
    while !is_gone().await? {
        if began.elapsed() >= GONE_WITHIN {
            let message = format!("{what} did not end within {} s; the rest is still there", GONE_WITHIN.as_secs());
            return Err(Failure::new(Exit::TimedOut, message).hint("run the same command again"));
        }
        if !said && began.elapsed() > Duration::from_secs(1) {
            context.printer.note(&format!("waiting for {what} to end"));
            said = true;
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
