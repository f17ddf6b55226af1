//! `guard status`: how the guard is, what it watches over, and who passed it by. Exit code 3 when it is not healthy.

use futures::future::{join, join_all};
use jiff::Timestamp;
use stateful_cluster::{Asking, Error, GUARD, Grant, Observed, Replicas};

use super::home;
use super::manifests::{self, Options};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{
    ApprovalRow, BypassRow, FailedOpen, GuardStatus, NamespaceRow, PolicyRow, ReplicaRow, WebhookRow, print_guard,
};

pub(super) async fn run(context: &Context, named: Option<&str>) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let cluster = &context.cluster;
    let namespace = home(context, named).await?;
    let (replicas, asking) =
        join(stateful_cluster::replicas(cluster, &namespace), stateful_cluster::asking(cluster)).await;
    let (Some(replicas), asking) = (replicas?, asking?) else {
        return Err(Failure::blocked(format!("the guard is not installed in namespace {namespace}"))
            .hint("install it: kubectl stateful guard install"));
    };
    let mut unknown = Unknown::default();
    let observed = observed(context, &namespace, &replicas, &mut unknown).await;
    let failed_open = unknown.or(stateful_cluster::fail_opens(cluster).await, "what passed unasked (get /metrics)");
    let policies = unknown.or(stateful_cluster::policies(cluster).await, "policies").unwrap_or_default();
    let grants = unknown.or(stateful_cluster::grants(cluster).await, "which Secrets are granted");
    let bypassed = unknown.or(stateful_cluster::bypasses(cluster).await, "who passed (list events)");
    let guarded = unknown.or(stateful_cluster::guarded_namespaces(cluster).await, "which namespaces are under guard");
    let guarded = guarded.unwrap_or_default();
    let looked_at = (!observed.is_empty()).then(|| snapshots(&observed));
    let mut namespaces = Vec::new();
    for (name, labels) in &guarded {
        let row = under_guard(context, name, grants.as_deref(), looked_at.as_deref(), &mut unknown).await;
        namespaces.push(NamespaceRow { asked_about: asking.is_about(labels), ..row });
    }
    let approvals = approvals(context, &namespaces, now, &mut unknown).await;
    let certificate_ends = observed.iter().filter_map(|(_, observed)| observed.certificate_ends).min();
    let problems = problems(&replicas, &asking, certificate_ends, &namespaces, now)?;
    let status = GuardStatus {
        healthy: problems.is_empty(),
        wanted: replicas.wanted,
        replicas: replicas.pods.into_iter().map(|pod| replica(pod, &observed, now)).collect(),
        certificate_ends,
        authority_since: asking.authorities.first().map(|(since, _)| *since),
        authority_ends: asking.authorities.first().map(|(_, ends)| *ends),
        webhooks: asking.hooks.into_iter().map(webhook).collect(),
        failed_open: failed_open
            .map(|counts| counts.into_iter().map(|(webhook, times)| FailedOpen { webhook, times }).collect()),
        policies: policies.into_iter().map(policy).collect(),
        namespaces,
        approvals,
        bypassed: bypassed.map(|bypassed| bypassed.into_iter().map(bypass).collect()),
        problems,
        unknown: unknown.0,
        namespace,
    };
    print_guard(context.printer, &status, now);
    Ok(if status.healthy { Exit::Done } else { Exit::Blocked })
}

/// What could not be read, and why. Whoever may not read everything still sees the rest.
#[derive(Default)]
struct Unknown(Vec<String>);

impl Unknown {
    fn or<T>(&mut self, looked: Result<T, Error>, what: &str) -> Option<T> {
        looked.map_err(|error| self.0.push(format!("{what}: {error}"))).ok()
    }
}

/// What the replicas say about themselves, each with its pod's name.
async fn observed(
    context: &Context,
    namespace: &str,
    replicas: &Replicas,
    unknown: &mut Unknown,
) -> Vec<(String, Observed)> {
    let ready = replicas.pods.iter().filter(|pod| pod.ready);
    let asked = join_all(ready.map(async |replica| {
        (replica.pod.clone(), stateful_cluster::observe(&context.cluster, namespace, &replica.pod).await)
    }))
    .await;
    let mut observed = Vec::new();
    for (pod, told) in asked {
        if let Some(told) = unknown.or(told, &format!("what {pod} says about itself (get pods/proxy)")) {
            observed.push((pod, told));
        }
    }
    observed
}

/// The databases some replica has looked at, each with its namespace.
fn snapshots(observed: &[(String, Observed)]) -> Vec<(String, String)> {
    let all = observed.iter().flat_map(|(_, observed)| &observed.looked_at);
    all.map(|(namespace, workload, _)| (namespace.clone(), workload.clone())).collect()
}

async fn under_guard(
    context: &Context,
    name: &str,
    grants: Option<&[Grant]>,
    looked_at: Option<&[(String, String)]>,
    unknown: &mut Unknown,
) -> NamespaceRow {
    let workloads = stateful_cluster::discover_all(&context.cluster, Some(name)).await;
    let workloads = unknown.or(workloads, &format!("databases of {name}")).unwrap_or_default();
    let databases: Vec<String> = workloads.into_iter().map(|workload| workload.id.name).collect();
    let is_looked_at = |database: &String, snapshots: &[(String, String)]| {
        snapshots.iter().any(|(namespace, workload)| namespace == name && workload == database)
    };
    let not_looked_at = looked_at
        .map(|snapshots| databases.iter().filter(|database| !is_looked_at(database, snapshots)).cloned().collect());
    let secrets = match grants.map(|grants| grants.iter().find(|grant| grant.namespace == name)) {
        None => "?".to_owned(),
        Some(None) => "none".to_owned(),
        Some(Some(grant)) if grant.secrets.is_empty() => "all".to_owned(),
        Some(Some(grant)) => grant.secrets.join(", "),
    };
    NamespaceRow { name: name.to_owned(), asked_about: false, databases, not_looked_at, secrets }
}

async fn approvals(
    context: &Context,
    guarded: &[NamespaceRow],
    now: Timestamp,
    unknown: &mut Unknown,
) -> Vec<ApprovalRow> {
    let mut rows = Vec::new();
    for NamespaceRow { name: namespace, .. } in guarded {
        let found = stateful_cluster::approvals(&context.cluster, namespace).await;
        let found = unknown.or(found, &format!("approvals in {namespace}")).unwrap_or_default();
        let valid = found.into_iter().filter(|approved| approved.approval.is_valid(&approved.uid, now));
        rows.extend(valid.map(|approved| ApprovalRow {
            namespace: approved.namespace,
            pod: approved.pod,
            until: approved.approval.until,
            by: approved.approval.by,
            reason: approved.approval.reason,
        }));
    }
    rows
}

/// Why it is not healthy.
fn problems(
    replicas: &Replicas,
    asking: &Asking,
    certificate_ends: Option<Timestamp>,
    namespaces: &[NamespaceRow],
    now: Timestamp,
) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    let ready = replicas.pods.iter().filter(|pod| pod.ready).count();
    if ready < replicas.wanted {
        problems.push(format!("{ready} of {} replicas are ready", replicas.wanted));
    }
    let waiting =
        replicas.pods.iter().filter_map(|pod| Some(format!("{} does not run: {}", pod.pod, pod.waiting.as_ref()?)));
    problems.extend(waiting);
    for (name, fails_closed) in expected()? {
        match asking.hooks.iter().find(|hook| hook.name == name) {
            None => problems.push(format!("webhook {name} is missing; put it back: kubectl stateful guard install")),
            Some(hook) if fails_closed && !hook.fails_closed => problems.push(format!(
                "{name} lets pass what cannot be asked; have it refuse that: kubectl stateful guard install"
            )),
            Some(hook) if !hook.trusted => {
                problems.push(format!(
                    "the API server knows no authority to trust for {name}; the guard writes it in a moment"
                ));
            }
            Some(_) => {}
        }
    }
    if certificate_ends.is_some_and(|ends| ends <= now) {
        problems.push("its certificate has ended".to_owned());
    }
    for row in namespaces {
        let name = &row.name;
        problems.extend(row.not_looked_at.iter().flatten().map(|database| {
            format!(
                "no look at {name}/{database} has ended, so nothing of it may move; may the guard read its Secrets? \
                 kubectl stateful guard install --grant-secrets {name}"
            )
        }));
    }
    Ok(problems)
}

/// The webhooks of this version, and whether each refuses what cannot be asked.
fn expected() -> Result<Vec<(String, bool)>, Failure> {
    let options =
        Options { namespace: GUARD.to_owned(), selectors: Vec::new(), replicas: 1, image: None, cert_manager: false };
    let objects = manifests::objects(&options)?;
    let hooks = objects.iter().filter_map(|object| object.value()["webhooks"].as_array()).flatten();
    let expected = hooks.filter_map(|hook| Some((hook["name"].as_str()?.to_owned(), hook["failurePolicy"] == "Fail")));
    Ok(expected.collect())
}

fn replica(replica: stateful_cluster::Replica, observed: &[(String, Observed)], now: Timestamp) -> ReplicaRow {
    let told = observed.iter().find(|(pod, _)| *pod == replica.pod);
    ReplicaRow {
        leads: told.map(|(_, told)| told.leads),
        ready: replica.ready,
        node: replica.node,
        age_seconds: replica.since.map(|since| now.duration_since(since).as_secs()),
        image: replica.image,
        pod: replica.pod,
    }
}

fn webhook(hook: stateful_cluster::Hook) -> WebhookRow {
    let failure_policy = if hook.fails_closed { "Fail" } else { "Ignore" };
    WebhookRow { name: hook.name, failure_policy, trusted: hook.trusted }
}

fn policy(policy: stateful_cluster::PolicyFacts) -> PolicyRow {
    PolicyRow {
        name: policy.name,
        mode: format!("{:?}", policy.spec.mode),
        on_eviction: format!("{:?}", policy.spec.on_eviction),
        databases: policy.workloads,
    }
}

fn bypass(bypass: stateful_cluster::Bypass) -> BypassRow {
    BypassRow { at: bypass.at, namespace: bypass.namespace, pod: bypass.pod, what: bypass.reason, text: bypass.text }
}
