//! `guard status`: whether the guard works, what it protects, and which changes bypassed it. Exit code 3 when it is not healthy.

use futures::future::{join, join_all};
use jiff::Timestamp;
use stateful_cluster::Error;
use stateful_cluster::discovery::workloads;
use stateful_cluster::guard::guarded;
use stateful_cluster::guard::installed;
use stateful_cluster::guard::installed::{GuardReplicas, SecretGrant, WebhookRegistration};
use stateful_cluster::guard::metrics;
use stateful_cluster::guard::metrics::ReplicaMetrics;
use stateful_cluster::guard::names::GUARD;

use super::manifests::{self, Options};
use super::{home, rights};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report::{
    ApprovalRow, BypassRow, FailedOpen, GuardStatus, NamespaceRow, PolicyRow, ReplicaRow, WebhookRow, print_guard,
};
use crate::verb::{Rights, Verb};

/// The row of `guard status`. What may not be read is shown as unknown, so that few permissions are needed.
pub(super) const VERB: Verb = Verb {
    name: "status",
    about: "Show whether the guard works, which namespaces and databases it protects, and which changes bypassed it",
    examples: "",
    arguments: |command| command,
    rights: Rights::Cluster(rights::to_see_status),
    past_tense: None,
    run: |call| Box::pin(async move { run(&call.context().await?, call.globals.namespace()).await }),
};

async fn run(context: &Context, named: Option<&str>) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let cluster = &context.cluster;
    let namespace = home(context, named).await?;
    let (replicas, asking) =
        join(installed::read_replicas(cluster, &namespace), installed::read_webhooks(cluster)).await;
    let (Some(replicas), asking) = (replicas?, asking?) else {
        return Err(Failure::blocked(format!("the guard is not installed in namespace {namespace}"))
            .hint(format!("install it: {}", install(&namespace))));
    };
    let mut unknown = Unknown::default();
    let observed = observed(context, &namespace, &replicas, &mut unknown).await;
    let failed_open = unknown
        .or(metrics::read_fail_opens(cluster).await, "how many requests passed without the guard (get /metrics)");
    let policies = unknown.or(guarded::list_policies(cluster).await, "policies").unwrap_or_default();
    let grants = unknown.or(installed::list_secret_grants(cluster).await, "which Secrets are granted");
    let bypassed = unknown.or(guarded::list_bypasses(cluster).await, "which requests passed (list events)");
    let guarded = unknown.or(guarded::list_namespaces(cluster).await, "which namespaces are under guard");
    let guarded = guarded.unwrap_or_default();
    let looked_at = (!observed.is_empty()).then(|| snapshots(&observed));
    let mut namespaces = Vec::new();
    for (name, labels) in &guarded {
        let row = under_guard(context, name, grants.as_deref(), looked_at.as_deref(), &mut unknown).await;
        namespaces.push(NamespaceRow { asked_about: asking.is_about(labels), ..row });
    }
    let approvals = approvals(context, &namespaces, now, &mut unknown).await;
    let certificate_ends = observed.iter().filter_map(|(_, observed)| observed.certificate_ends).min();
    let problems = problems(&namespace, &replicas, &asking, certificate_ends, &namespaces, now)?;
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

/// What could not be read, and why. The rest is shown all the same.
#[derive(Default)]
struct Unknown(Vec<String>);

impl Unknown {
    fn or<T>(&mut self, read: Result<T, Error>, what: &str) -> Option<T> {
        read.map_err(|error| self.0.push(format!("{what}: {error}"))).ok()
    }
}

/// What the replicas report about themselves, each with its pod's name.
async fn observed(
    context: &Context,
    namespace: &str,
    replicas: &GuardReplicas,
    unknown: &mut Unknown,
) -> Vec<(String, ReplicaMetrics)> {
    let ready = replicas.pods.iter().filter(|pod| pod.ready);
    let asked = join_all(ready.map(async |replica| {
        (replica.pod.clone(), metrics::read_replica(&context.cluster, namespace, &replica.pod).await)
    }))
    .await;
    let mut observed = Vec::new();
    for (pod, answer) in asked {
        if let Some(answer) = unknown.or(answer, &format!("what {pod} reports about itself (get pods/proxy)")) {
            observed.push((pod, answer));
        }
    }
    observed
}

/// The databases that a replica has observed, each with its namespace.
fn snapshots(observed: &[(String, ReplicaMetrics)]) -> Vec<(String, String)> {
    let all = observed.iter().flat_map(|(_, observed)| &observed.looked_at);
    all.map(|(namespace, workload, _)| (namespace.clone(), workload.clone())).collect()
}

async fn under_guard(
    context: &Context,
    name: &str,
    grants: Option<&[SecretGrant]>,
    looked_at: Option<&[(String, String)]>,
    unknown: &mut Unknown,
) -> NamespaceRow {
    let workloads = workloads::list(&context.cluster, Some(name)).await;
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
        let found = guarded::list_approvals(&context.cluster, namespace).await;
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

/// The command that installs the guard where it is.
fn install(home: &str) -> String {
    let flag = if home == manifests::NAMESPACE { String::new() } else { format!(" -n {home}") };
    format!("kubectl stateful guard install{flag}")
}

/// Why the guard is not healthy.
fn problems(
    home: &str,
    replicas: &GuardReplicas,
    asking: &WebhookRegistration,
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
            None => problems.push(format!("webhook {name} is missing; put it back: {}", install(home))),
            Some(hook) if fails_closed && !hook.fails_closed => problems.push(format!(
                "webhook {name} lets requests pass while the guard cannot be asked; have it refuse them: {}",
                install(home)
            )),
            Some(hook) if !hook.trusted => {
                problems.push(format!(
                    "the API server does not trust the certificate of webhook {name} yet; the guard writes the authority within a moment"
                ));
            }
            Some(_) => {}
        }
    }
    if certificate_ends.is_some_and(|ends| ends <= now) {
        problems.push("the certificate of the guard has expired".to_owned());
    }
    for row in namespaces {
        let name = &row.name;
        problems.extend(row.not_looked_at.iter().flatten().map(|database| {
            format!(
                "the guard has not been able to observe {name}/{database}, so no member of it may be moved; if it needs \
                 the database's Secrets: {} --grant-secrets {name}",
                install(home)
            )
        }));
    }
    Ok(problems)
}

/// The webhooks of this version, and whether each refuses requests while the guard cannot be asked.
fn expected() -> Result<Vec<(String, bool)>, Failure> {
    let options =
        Options { namespace: GUARD.to_owned(), selectors: Vec::new(), replicas: 1, image: None, cert_manager: false };
    let objects = manifests::objects(&options)?;
    let hooks = objects.iter().filter_map(|object| object.value()["webhooks"].as_array()).flatten();
    let expected = hooks.filter_map(|hook| Some((hook["name"].as_str()?.to_owned(), hook["failurePolicy"] == "Fail")));
    Ok(expected.collect())
}

fn replica(replica: installed::GuardReplica, observed: &[(String, ReplicaMetrics)], now: Timestamp) -> ReplicaRow {
    let report = observed.iter().find(|(pod, _)| *pod == replica.pod);
    ReplicaRow {
        leads: report.map(|(_, report)| report.leads),
        ready: replica.ready,
        node: replica.node,
        age_seconds: replica.since.map(|since| now.duration_since(since).as_secs()),
        image: replica.image,
        pod: replica.pod,
    }
}

fn webhook(hook: installed::GuardWebhook) -> WebhookRow {
    let failure_policy = if hook.fails_closed { "Fail" } else { "Ignore" };
    WebhookRow { name: hook.name, failure_policy, trusted: hook.trusted }
}

fn policy(policy: guarded::PolicyFacts) -> PolicyRow {
    PolicyRow {
        name: policy.name,
        mode: format!("{:?}", policy.spec.mode),
        on_eviction: format!("{:?}", policy.spec.on_eviction),
        databases: policy.workloads,
    }
}

fn bypass(bypass: guarded::Bypass) -> BypassRow {
    BypassRow { at: bypass.at, namespace: bypass.namespace, pod: bypass.pod, what: bypass.reason, text: bypass.text }
}
