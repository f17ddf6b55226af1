//! `guard install`: everything the guard needs, in an order in which nothing is refused before somebody answers.
//!
//! Applied server-side, under our own field manager: doing it again changes what differs and nothing else. What others
//! write, such as the authorities the guard itself writes into its webhooks, stays as it is.

use stateful_cluster::{Applied, Cluster, Kind, NamespaceFacts, Object};
use stateful_safety::Workload;

use super::manifests::{self, Options, grant, opened};
use super::waiting::{Waited, until_answering, until_trusted};
use super::{need, rights};
use crate::cli::{DryRun, Globals, InstallArgs};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{AppliedLine, Changes, Printer, print_manifests};

/// Kinds that have the API server ask, or refuse by itself: they come when somebody answers.
const ASKING: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
const RULING: &[&str] = &["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"];

pub(super) async fn run(printer: Printer, globals: &Globals, args: &InstallArgs) -> Result<Exit, Failure> {
    let namespace = globals.namespace().unwrap_or(manifests::NAMESPACE).to_owned();
    let options = Options {
        namespace,
        selectors: args.namespace_selector.clone(),
        replicas: args.replicas,
        image: args.image.clone(),
        cert_manager: args.cert_manager,
    };
    let objects = manifests::objects(&options)?;
    if args.rehearsal.dry_run == DryRun::Client {
        return rehearse(printer, globals, args, &options, objects).await;
    }
    let context = Context::new(globals, printer).await?;
    may_begin(&context, args, &options).await?;
    let mut grants = Vec::new();
    for namespace in &args.grant_secrets {
        let (objects, what) = granted(&context.cluster, namespace, &options.namespace).await?;
        context.printer.note(&format!("namespace {namespace}: the guard may read {what}"));
        grants.extend(objects);
    }
    let dry_run = args.rehearsal.dry_run == DryRun::Server;
    let mut installation =
        Installation { context: &context, options: &options, dry_run, there: true, changes: Changes::new(printer) };
    let ended = installation.carry_out(args, objects, grants).await?;
    installation.changes.print();
    if !dry_run && ended == Exit::Done {
        summarize(&context, &options).await;
    }
    Ok(ended)
}

/// Prints what would be applied. Only what is asked about a namespace needs a cluster.
async fn rehearse(
    printer: Printer,
    globals: &Globals,
    args: &InstallArgs,
    options: &Options,
    mut objects: Vec<Object>,
) -> Result<Exit, Failure> {
    if !args.grant_secrets.is_empty() {
        let context = Context::new(globals, printer).await?;
        for namespace in &args.grant_secrets {
            let (granted, _) = granted(&context.cluster, namespace, &options.namespace).await?;
            objects.extend(granted);
        }
    }
    for namespace in &args.guard_namespace {
        let labels = serde_json::json!({NamespaceFacts::LABEL: "enabled"});
        let object = serde_json::json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels},
        });
        objects.push(Object::read(object)?);
    }
    print_manifests(printer, &objects);
    Ok(Exit::Done)
}

/// Refuses what would end half way.
async fn may_begin(context: &Context, args: &InstallArgs, options: &Options) -> Result<(), Failure> {
    need(context, &options.namespace, &rights::to_install(args.cert_manager)).await?;
    // Its cluster-wide objects are there once, and point to one namespace.
    let elsewhere = stateful_cluster::home(&context.cluster).await?.filter(|home| *home != options.namespace);
    if let Some(home) = elsewhere {
        let message = format!("the guard is installed in namespace {home} already, and a cluster has one");
        return Err(Failure::blocked(message)
            .hint(format!("say -n {home}, or first: kubectl stateful guard uninstall -n {home}")));
    }
    if args.cert_manager && !stateful_cluster::knows(&context.cluster, Kind::named("Certificate")?).await? {
        return Err(Failure::blocked("cert-manager is not installed in this cluster")
            .hint("install it first, or leave --cert-manager out: the guard then makes its own certificate"));
    }
    for namespace in args.guard_namespace.iter().chain(&args.grant_secrets) {
        let kind = Kind::named("Namespace")?;
        if stateful_cluster::find(&context.cluster, kind, None, namespace).await?.is_none() {
            return Err(Failure::new(Exit::Error, format!("there is no namespace \"{namespace}\"")));
        }
    }
    Ok(())
}

/// The Role that lets the guard read what the databases of a namespace refer to, and which Secrets those are. Nothing
/// where they refer to none; the whole namespace where there is no database yet.
async fn granted(cluster: &Cluster, namespace: &str, guard: &str) -> Result<(Vec<Object>, String), Failure> {
    let workloads = stateful_cluster::discover_all(cluster, Some(namespace)).await?;
    if workloads.is_empty() {
        let objects = grant(namespace, guard, &[])?;
        return Ok((objects.into(), "every Secret: there is no database to go by".to_owned()));
    }
    let mut names = Vec::new();
    for workload in &workloads {
        names.extend(secrets_of(cluster, workload).await?);
    }
    names.sort();
    names.dedup();
    if names.is_empty() {
        return Ok((Vec::new(), "its databases refer to no Secret".to_owned()));
    }
    let objects = grant(namespace, guard, &names)?;
    Ok((objects.into(), format!("Secret {}", names.join(", "))))
}

async fn secrets_of(cluster: &Cluster, workload: &Workload) -> Result<Vec<String>, Failure> {
    let Some(engine) = stateful_engines::open(workload.engine) else { return Ok(Vec::new()) };
    let connection_config = engine.connection_config(&stateful_cluster::container_facts(cluster, &workload.id).await?);
    Ok(stateful_cluster::secret_names(cluster, &workload.id, &connection_config).await?)
}

/// Tells what is under guard now, and what to do where nothing is.
async fn summarize(context: &Context, options: &Options) {
    let Ok(guarded) = stateful_cluster::guarded_namespaces(&context.cluster).await else { return };
    context.printer.note(&match &guarded[..] {
        [] => format!(
            "the guard answers in namespace {}, and no namespace is under guard yet; put one there: kubectl label \
             namespace NAME {}=enabled",
            options.namespace,
            NamespaceFacts::LABEL
        ),
        guarded => {
            let names: Vec<&str> = guarded.iter().map(|(name, _)| name.as_str()).collect();
            format!("the guard answers in namespace {}; under guard: {}", options.namespace, names.join(", "))
        }
    });
}

/// An installation under way.
struct Installation<'a> {
    context: &'a Context,
    options: &'a Options,
    /// Whether the API server is only asked.
    dry_run: bool,
    /// Whether the guard's namespace is there: in a dry run it is not made.
    there: bool,
    changes: Changes,
}

impl Installation<'_> {
    async fn carry_out(
        &mut self,
        args: &InstallArgs,
        objects: Vec<Object>,
        grants: Vec<Object>,
    ) -> Result<Exit, Failure> {
        let is_one_of = |kinds: &[&str], object: &Object| kinds.contains(&object.kind().kind);
        let (asking, others): (Vec<Object>, Vec<Object>) =
            objects.into_iter().partition(|object| is_one_of(ASKING, object));
        let (ruling, ground): (Vec<Object>, Vec<Object>) =
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

    /// A namespace that is there and not ours stays its owner's: it is neither labelled nor restricted, and an
    /// uninstallation leaves it alone.
    async fn namespace(&mut self, object: &Object) -> Result<(), Failure> {
        let found = stateful_cluster::find(&self.context.cluster, object.kind(), None, object.name()).await?;
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

    async fn apply(&mut self, object: &Object) -> Result<(), Failure> {
        if object.namespace() == Some(self.options.namespace.as_str()) && !self.there {
            self.changes.add(AppliedLine::of(object, "not asked: its namespace is not there yet"));
            return Ok(());
        }
        let applied = stateful_cluster::apply(&self.context.cluster, object, self.dry_run).await?;
        self.changes.add(AppliedLine::applied(object, applied, self.dry_run));
        Ok(())
    }

    /// Waits until the replicas answer. `false` when they do not and nobody wanted to wait.
    async fn answering(&self, args: &InstallArgs) -> Result<bool, Failure> {
        let patience = if args.wait { args.timeout } else { std::time::Duration::ZERO };
        let Waited::Over(standing) = until_answering(self.context, &self.options.namespace, patience).await? else {
            return Ok(true);
        };
        let rest = "the API server is not told to ask it yet, so nothing new is refused";
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

    /// Has the API server ask. A webhook whose certificate it does not trust yet fails open until it does: closed, it
    /// would refuse everything in guarded namespaces meanwhile.
    async fn ask(&mut self, args: &InstallArgs, configurations: &[Object]) -> Result<(), Failure> {
        let asking = stateful_cluster::asking(&self.context.cluster).await?;
        let trusted = |name: &str| asking.hooks.iter().any(|hook| hook.name == name && hook.trusted);
        let mut waits = false;
        let mut first = Vec::new();
        for configuration in configurations {
            let careful = opened(configuration, trusted)?;
            waits |= careful != *configuration;
            first.push(stateful_cluster::apply(&self.context.cluster, &careful, self.dry_run).await?);
        }
        if waits
            && !self.dry_run
            && let Waited::Over(standing) = until_trusted(self.context, args.timeout).await?
        {
            let message =
                format!("the API server does not trust the guard yet ({standing}): its webhooks let everything pass");
            let namespace = &self.options.namespace;
            return Err(Failure::new(Exit::TimedOut, message).hint(format!(
                "see why: kubectl logs -n {namespace} deployment/stateful-guard; then run the same command again"
            )));
        }
        for (configuration, first) in configurations.iter().zip(first) {
            let last = stateful_cluster::apply(&self.context.cluster, configuration, self.dry_run).await?;
            let applied = if first == Applied::Unchanged { last } else { first };
            self.changes.add(AppliedLine::applied(configuration, applied, self.dry_run));
        }
        Ok(())
    }

    async fn guard(&mut self, namespace: &str) -> Result<(), Failure> {
        let label = (NamespaceFacts::LABEL, Some("enabled"));
        let kind = Kind::named("Namespace")?;
        stateful_cluster::set_label(&self.context.cluster, kind, namespace, label, self.dry_run).await?;
        self.changes.add(AppliedLine::labelled(namespace, self.dry_run));
        Ok(())
    }
}
