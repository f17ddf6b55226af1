//! LOOK. The installed guard: its replicas, its webhooks, and which Secrets it may read.

use jiff::Timestamp;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, Role};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::{Api, ListParams};
use kube::core::{Selector, SelectorExt};
use x509_parser::pem::Pem;

use super::names::{GUARD, PART_OF, SECRET_GRANT};
use crate::discovery::member;
use crate::metadata::Labels;
use crate::{Cluster, Result};

/// The guard's replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardReplicas {
    /// How many the Deployment declares.
    pub wanted: usize,
    /// Whether all are ready and of the newest revision, and no older one is left.
    pub settled: bool,
    /// Those that exist.
    pub pods: Vec<GuardReplica>,
}

/// A replica of the guard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardReplica {
    /// The name of its pod.
    pub pod: String,
    /// Its node.
    pub node: Option<String>,
    /// Whether it is Ready and not being deleted.
    pub ready: bool,
    /// When it was created.
    pub since: Option<Timestamp>,
    /// Its image.
    pub image: String,
    /// Why it does not run, if the kubelet or the scheduler has said so.
    pub waiting: Option<String>,
}

/// On which requests the API server calls the guard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WebhookRegistration {
    /// The webhooks of both configurations.
    pub hooks: Vec<GuardWebhook>,
    /// From when to when the trusted certificate authorities are valid, the newest first.
    pub authorities: Vec<(Timestamp, Timestamp)>,
}

/// A webhook of one of the two configurations.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardWebhook {
    /// Its name.
    pub name: String,
    /// Whether a request is refused when the guard cannot be reached (`failurePolicy: Fail`).
    pub fails_closed: bool,
    /// Whether the API server has a certificate authority to trust.
    pub trusted: bool,
    /// The namespaces it is called for, by their labels; all without it.
    pub namespaces: Option<LabelSelector>,
}

/// A namespace whose Secrets the guard may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretGrant {
    /// The namespace.
    pub namespace: String,
    /// Which Secrets; empty means all.
    pub secrets: Vec<String>,
}

/// The namespace in which the guard is installed, if it is: that of the account in its `ClusterRoleBinding`.
pub async fn find_namespace(cluster: &Cluster) -> Result<Option<String>> {
    let bindings: Api<ClusterRoleBinding> = Api::all(cluster.client.clone());
    let binding = bindings.get_opt(GUARD).await?;
    Ok(binding.and_then(|binding| binding.subjects?.into_iter().find_map(|subject| subject.namespace)))
}

/// The guard's replicas in a namespace; `None` when it is not installed there.
pub async fn read_replicas(cluster: &Cluster, namespace: &str) -> Result<Option<GuardReplicas>> {
    let deployments: Api<Deployment> = Api::namespaced(cluster.client.clone(), namespace);
    let Some(deployment) = deployments.get_opt(GUARD).await? else { return Ok(None) };
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let pods = pods.list(&ListParams::default().labels(&format!("app.kubernetes.io/name={GUARD}"))).await?;
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = deployment.status.unwrap_or_default();
    let counts = [status.replicas, status.updated_replicas, status.available_replicas];
    Ok(Some(GuardReplicas {
        wanted: usize::try_from(wanted).unwrap_or(0),
        settled: status.observed_generation >= deployment.metadata.generation
            && counts.into_iter().all(|count| count.unwrap_or(0) == wanted),
        pods: pods.items.iter().filter_map(replica).collect(),
    }))
}

fn replica(pod: &Pod) -> Option<GuardReplica> {
    let container = pod.spec.as_ref()?.containers.first()?.name.clone();
    let seen = member(pod, &container)?;
    Some(GuardReplica {
        pod: seen.name,
        node: seen.node,
        ready: seen.ready && !seen.terminating,
        since: pod.metadata.creation_timestamp.as_ref().map(|time| time.0),
        image: seen.image,
        waiting: seen.waiting,
    })
}

/// The guard's webhooks; empty when it is not installed.
pub async fn read_webhooks(cluster: &Cluster) -> Result<WebhookRegistration> {
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let (mutating, validating) = futures::future::try_join(mutating.get_opt(GUARD), validating.get_opt(GUARD)).await?;
    let mutating = mutating.and_then(|configuration| configuration.webhooks).unwrap_or_default();
    let validating = validating.and_then(|configuration| configuration.webhooks).unwrap_or_default();
    let mut registration = WebhookRegistration::default();
    for hook in mutating {
        registration.add(hook.name, hook.failure_policy.as_deref(), hook.namespace_selector, &hook.client_config);
    }
    for hook in validating {
        registration.add(hook.name, hook.failure_policy.as_deref(), hook.namespace_selector, &hook.client_config);
    }
    registration
        .hooks
        .sort_by(|one, other| (one.fails_closed, &other.name).cmp(&(other.fails_closed, &one.name)).reverse());
    Ok(registration)
}

impl WebhookRegistration {
    /// Whether every webhook that fails closed is called for a namespace with these labels.
    pub fn is_about(&self, labels: &Labels) -> bool {
        let mut closed = self.hooks.iter().filter(|hook| hook.fails_closed).peekable();
        closed.peek().is_some() && closed.all(|hook| hook.is_about(labels))
    }

    fn add(
        &mut self,
        name: String,
        on_failure: Option<&str>,
        namespaces: Option<LabelSelector>,
        client: &WebhookClientConfig,
    ) {
        let bundle = client.ca_bundle.as_ref().map_or(&[] as &[u8], |bundle| &bundle.0);
        let (fails_closed, trusted) = (on_failure != Some("Ignore"), !bundle.is_empty());
        self.hooks.push(GuardWebhook { name, fails_closed, trusted, namespaces });
        if self.authorities.is_empty() {
            self.authorities = lifetimes(bundle);
        }
    }
}

impl GuardWebhook {
    fn is_about(&self, labels: &Labels) -> bool {
        let Some(namespaces) = &self.namespaces else { return true };
        Selector::try_from(namespaces.clone()).is_ok_and(|selector| selector.matches(labels))
    }
}

/// From when to when each certificate of a PEM text is valid. Unreadable ones are left out.
fn lifetimes(bundle: &[u8]) -> Vec<(Timestamp, Timestamp)> {
    let read = |pem: Pem| {
        let validity = pem.parse_x509().ok()?.validity().clone();
        let second = |seconds: i64| Timestamp::from_second(seconds).ok();
        Some((second(validity.not_before.timestamp())?, second(validity.not_after.timestamp())?))
    };
    Pem::iter_from_buffer(bundle).filter_map(|pem| read(pem.ok()?)).collect()
}

/// The namespaces whose Secrets the guard may read.
pub async fn list_secret_grants(cluster: &Cluster) -> Result<Vec<SecretGrant>> {
    let roles: Api<Role> = Api::all(cluster.client.clone());
    let roles = roles.list(&ListParams::default().labels(&format!("{}={}", PART_OF.0, PART_OF.1))).await?;
    let ours = roles.items.into_iter().filter(|role| role.metadata.name.as_deref() == Some(SECRET_GRANT));
    let grant = |role: Role| {
        let names = role.rules.into_iter().flatten().flat_map(|rule| rule.resource_names.unwrap_or_default());
        Some(SecretGrant { namespace: role.metadata.namespace?, secrets: names.collect() })
    };
    Ok(ours.filter_map(grant).collect())
}
