//! `guard install`: everything the guard needs, in an order in which nothing is refused before a replica can answer.
//!
//! Objects are applied server-side under our own field manager, so that a second run changes only what differs. Fields that
//! others write, such as the authorities the guard writes into its webhooks, stay as they are.

use std::time::Duration;

use clap::{ArgAction, Args};
use stateful_cluster::Cluster;
use stateful_cluster::discovery::container;
use stateful_cluster::discovery::credentials;
use stateful_cluster::discovery::workloads;
use stateful_cluster::guard::guarded;
use stateful_cluster::guard::install;
use stateful_cluster::guard::install::Applied;
use stateful_cluster::guard::installed;
use stateful_cluster::guard::lookup;
use stateful_cluster::guard::names::GUARD_LABEL;
use stateful_cluster::guard::object::{GuardObject, ObjectKind};
use stateful_safety::Workload;

use super::manifests::{self, Options, grant, opened};
use super::waiting::{Waited, until_answering, until_trusted};
use super::{need, rights};
use crate::cli::{DryRun, DryRunFlag, Globals, LabelRequirement, duration, label_requirement};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{AppliedLine, Changes, Printer, print_manifests};
use crate::verb::{Rights, Verb};

/// Kinds that make the API server ask the guard, or refuse by itself: they are applied once the replicas answer.
const ASKING: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
const RULING: &[&str] = &["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];

/// `guard install`
#[derive(Debug, Args)]
struct InstallArgs {
    /// Put a namespace under guard; may be repeated
    #[arg(long, value_name = "NS")]
    guard_namespace: Vec<String>,
    /// Let the guard read the Secrets that the databases of a namespace refer to; may be repeated
    #[arg(long, value_name = "NS")]
    grant_secrets: Vec<String>,
    /// Of the namespaces under guard, only those whose labels also match: env=prod, 'tier in (gold,silver)'; may be repeated
    #[arg(long, value_name = "SELECTOR", value_parser = label_requirement)]
    namespace_selector: Vec<LabelRequirement>,
    /// How many replicas of the guard run, each on a node of its own
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=9))]
    replicas: u32,
    /// The guard's image, if yours comes from another registry
    #[arg(long)]
    image: Option<String>,
    /// Have cert-manager issue the certificate; without it the guard makes its own
    #[arg(long)]
    cert_manager: bool,
    /// Wait until the replicas answer; the API server is told to ask them only then
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "true",
        default_missing_value = "true",
        hide_default_value = true,
        hide_possible_values = true,
        action = ArgAction::Set
    )]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    timeout: Duration,
    #[command(flatten)]
    dry_run: DryRunFlag,
}

/// The row of `guard install`.
pub(super) const VERB: Verb = Verb {
    name: "install",
    about: "Put the guard into the cluster, or bring it to this version and these options",
    examples:
        "\
  kubectl stateful guard install --guard-namespace shop --grant-secrets shop
  kubectl stateful guard install --cert-manager --replicas 3
  kubectl stateful guard install --dry-run=client -o yaml > guard.yaml   # what would be applied, for a repository

A label puts a namespace under guard, now or later: kubectl label namespace shop kubectl-stateful.dev/guard=enabled
To change an option, run the command again. Options are not remembered: those left out return to their defaults.
Namespaces already under guard and Secrets already granted stay so. -n is the guard's own namespace (kubectl-stateful).",
    arguments: InstallArgs::augment_args,
    rights: Rights::Cluster(|| rights::to_install(true)),
    past_tense: None,
    run: |call| Box::pin(async move { run(call.printer, &call.globals, &call.args()?).await }),
};

async fn run(printer: Printer, globals: &Globals, args: &InstallArgs) -> Result<Exit, Failure> {
    let namespace = globals.namespace().unwrap_or(manifests::NAMESPACE).to_owned();
    let options = Options {
        namespace,
        selectors: args.namespace_selector.clone(),
        replicas: args.replicas,
        image: args.image.clone(),
        cert_manager: args.cert_manager,
    };
    let objects = manifests::objects(&options)?;
    if args.dry_run.dry_run == DryRun::Client {
        return rehearse(printer, globals, args, &options, objects).await;
    }
    let context = Context::new(globals, printer).await?;
    may_begin(&context, args, &options).await?;
    let mut grants = Vec::new();
    for namespace in &args.grant_secrets {
        let (objects, what) = granted(&context.cluster, namespace, &options.namespace).await?;
        context.printer.note(&format!("namespace {namespace}: {what}"));
        grants.extend(objects);
    }
    let dry_run = args.dry_run.dry_run == DryRun::Server;
    let mut installation =
        Installation { context: &context, options: &options, dry_run, there: true, changes: Changes::new(printer) };
    let ended = installation.carry_out(args, objects, grants).await?;
    installation.changes.print();
    if !dry_run && ended == Exit::Done {
        summarize(&context, &options).await;
    }
    Ok(ended)
}

/// Prints what would be applied. A cluster is needed only to find the Secrets of a namespace.
async fn rehearse(
    printer: Printer,
    globals: &Globals,
    args: &InstallArgs,
    options: &Options,
    mut objects: Vec<GuardObject>,
) -> Result<Exit, Failure> {
    if !args.grant_secrets.is_empty() {
        let context = Context::new(globals, printer).await?;
        for namespace in &args.grant_secrets {
            let (granted, _) = granted(&context.cluster, namespace, &options.namespace).await?;
            objects.extend(granted);
        }
    }
    for namespace in &args.guard_namespace {
        let labels = serde_json::json!({GUARD_LABEL: "enabled"});
        let object = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels},
        });
        objects.push(GuardObject::read(object)?);
    }
    print_manifests(printer, &objects);
    Ok(Exit::Done)
}

/// Refuses what would stop half-way.
async fn may_begin(context: &Context, args: &InstallArgs, options: &Options) -> Result<(), Failure> {
    need(context, &options.namespace, &rights::to_install(args.cert_manager)).await?;
    // Its cluster-wide objects exist once and point to one namespace.
    let elsewhere = installed::find_namespace(&context.cluster).await?.filter(|home| *home != options.namespace);
    if let Some(home) = elsewhere {
        let message = format!("the guard is already installed in namespace {home}, and a cluster has only one guard");
        return Err(Failure::blocked(message)
            .hint(format!("use -n {home}, or uninstall it first: kubectl stateful guard uninstall -n {home}")));
    }
    if args.cert_manager && !lookup::knows_kind(&context.cluster, ObjectKind::named("Certificate")?).await? {
        return Err(Failure::blocked("cert-manager is not installed in this cluster")
            .hint("install it first, or leave --cert-manager out: the guard then makes its own certificate"));
    }
    for namespace in args.guard_namespace.iter().chain(&args.grant_secrets) {
        let kind = ObjectKind::named("Namespace")?;
        if lookup::find(&context.cluster, kind, None, namespace).await?.is_none() {
            return Err(Failure::new(Exit::Error, format!("there is no namespace \"{namespace}\"")));
        }
    }
    Ok(())
}

/// The Role that lets the guard read what the databases of a namespace refer to, and which Secrets those are. Nothing
/// where they refer to none; the whole namespace where there is no database yet.
async fn granted(cluster: &Cluster, namespace: &str, guard: &str) -> Result<(Vec<GuardObject>, String), Failure> {
    let workloads = workloads::list(cluster, Some(namespace)).await?;
    if workloads.is_empty() {
        let objects = grant(namespace, guard, &[])?;
        return Ok((objects.into(), "the guard may read every Secret, because there is no database yet".to_owned()));
    }
    let mut names = Vec::new();
    for workload in &workloads {
        names.extend(secrets_of(cluster, workload).await?);
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok((Vec::new(), "the databases refer to no Secret, so the guard is granted none".to_owned()));
    }
    let objects = grant(namespace, guard, &names)?;
    Ok((objects.into(), format!("the guard may read Secret {}", names.join(", "))))
}

async fn secrets_of(cluster: &Cluster, workload: &Workload) -> Result<Vec<String>, Failure> {
    let Some(engine) = stateful_engines::open(workload.engine.name()) else { return Ok(Vec::new()) };
    let connection_config = engine.connection_config(&container::read_facts(cluster, &workload.id).await?);
    Ok(credentials::list_secret_names(cluster, &workload.id, &connection_config).await?)
}

/// Prints which namespaces are under guard now, and how to put one under guard where none is.
async fn summarize(context: &Context, options: &Options) {
    let Ok(guarded) = guarded::list_namespaces(&context.cluster).await else { return };
    context.printer.note(&match &guarded[..] {
        [] => format!(
            "the guard answers in namespace {}, and no namespace is under guard yet; to put one under guard: kubectl label \
             namespace NAME {}=enabled",
            options.namespace,
            GUARD_LABEL
        ),
        guarded => {
            let names: Vec<&str> = guarded.iter().map(|(name, _)| name.as_str()).collect();
            format!("the guard answers in namespace {}; under guard: {}", options.namespace, names.join(", "))
        }
    });
}

/// An installation that runs.
struct Installation<'a> {
    context: &'a Context,
    options: &'a Options,
    /// Whether this is a server-side dry run.
    dry_run: bool,
    /// Whether the guard's namespace exists: a dry run does not create it.
    there: bool,
    changes: Changes,
}

impl Installation<'_> {
    async fn carry_out(
        &mut self,
        args: &InstallArgs,
        objects: Vec<GuardObject>,
        grants: Vec<GuardObject>,
    ) -> Result<Exit, Failure> {
        let is_one_of = |kinds: &[&str], object: &GuardObject| kinds.contains(&object.kind().kind);
        let (asking, others): (Vec<GuardObject>, Vec<GuardObject>) =
            objects.into_iter().partition(|object| is_one_of(ASKING, object));
        let (ruling, ground): (Vec<GuardObject>, Vec<GuardObject>) =
            others.into_iter().partition(|object| is_one_of(RULING, object));
        for object in &ground {
            match object.kind().kind {
                "Namespace" => self.namespace(object).await?,
                _ => self.apply(object).await?,
            }
        }
        for object in &grants {
            self.apply(object).await?;
        }
        if !self.dry_run && !self.answering(args).await? {
            return Ok(Exit::Done);
        }
        self.ask(args, &asking).await?;
        for object in &ruling {
            self.apply(object).await?;
        }
        for namespace in &args.guard_namespace {
            self.guard(namespace).await?;
        }
        Ok(Exit::Done)
    }

    /// A namespace that exists and was not created by this tool is neither labelled nor restricted, and `uninstall` leaves it.
    async fn namespace(&mut self, object: &GuardObject) -> Result<(), Failure> {
        let found = lookup::find(&self.context.cluster, object.kind(), None, object.name()).await?;
        match found {
            Some(found) if !found.is_ours() => {
                self.changes.add(AppliedLine::of(object, "used as it is"));
                Ok(())
            }
            found => {
                self.there = found.is_some() || !self.dry_run;
                self.apply(object).await
            }
        }
    }

    async fn apply(&mut self, object: &GuardObject) -> Result<(), Failure> {
        if object.namespace() == Some(self.options.namespace.as_str()) && !self.there {
            self.changes.add(AppliedLine::of(object, "not tried: its namespace does not exist yet"));
            return Ok(());
        }
        let applied = install::apply(&self.context.cluster, object, self.dry_run).await?;
        self.changes.add(AppliedLine::applied(object, applied, self.dry_run));
        Ok(())
    }

    /// Waits until the replicas answer. `false` when they do not and `--wait=false` was given.
    async fn answering(&self, args: &InstallArgs) -> Result<bool, Failure> {
        let patience = if args.wait { args.timeout } else { std::time::Duration::ZERO };
        let Waited::Over(standing) = until_answering(self.context, &self.options.namespace, patience).await? else {
            return Ok(true);
        };
        let rest = "the API server does not ask it yet, so nothing new is refused";
        if !args.wait {
            self.context.printer.note(&format!("the guard does not answer yet ({standing}); {rest}; run this again"));
            return Ok(false);
        }
        let limit = args.timeout.as_secs();
        let message = format!("the guard does not answer after {limit} s ({standing}); {rest}");
        let namespace = &self.options.namespace;
        Err(Failure::new(Exit::TimedOut, message)
            .hint(format!("see why: kubectl describe pods -n {namespace}; then run the same command again")))
    }

    /// Makes the API server ask the guard. A webhook whose certificate it does not trust yet fails open until it does; if it
    /// failed closed, every request in guarded namespaces would be refused meanwhile.
    async fn ask(&mut self, args: &InstallArgs, configurations: &[GuardObject]) -> Result<(), Failure> {
        let asking = installed::read_webhooks(&self.context.cluster).await?;
        let trusted = |name: &str| asking.hooks.iter().any(|hook| hook.name == name && hook.trusted);
        let mut waits = false;
        let mut first = Vec::new();
        for configuration in configurations {
            let careful = opened(configuration, trusted)?;
            waits |= careful != *configuration;
            first.push(install::apply(&self.context.cluster, &careful, self.dry_run).await?);
        }
        if waits
            && !self.dry_run
            && let Waited::Over(standing) = until_trusted(self.context, args.timeout).await?
        {
            let message = format!(
                "the API server does not trust the guard yet ({standing}): its webhooks let every request pass"
            );
            let namespace = &self.options.namespace;
            return Err(Failure::new(Exit::TimedOut, message).hint(format!(
                "see why: kubectl logs -n {namespace} deployment/stateful-guard; then run the same command again"
            )));
        }
        for (configuration, first) in configurations.iter().zip(first) {
            let last = install::apply(&self.context.cluster, configuration, self.dry_run).await?;
            let applied = if first == Applied::Unchanged { last } else { first };
            self.changes.add(AppliedLine::applied(configuration, applied, self.dry_run));
        }
        Ok(())
    }

    async fn guard(&mut self, namespace: &str) -> Result<(), Failure> {
        let label = (GUARD_LABEL, Some("enabled"));
        let kind = ObjectKind::named("Namespace")?;
        install::set_label(&self.context.cluster, kind, namespace, label, self.dry_run).await?;
        self.changes.add(AppliedLine::labelled(namespace, self.dry_run));
        Ok(())
    }
}
