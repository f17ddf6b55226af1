//! LOOK. What there is of the guard in a cluster: its replicas, when the API server asks them, and which Secrets they may
//! read.

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
    /// How many there should be.
    pub wanted: usize,
    /// Whether each of them is ready and of the newest revision, and no other is left.
    pub settled: bool,
    /// Those that are there.
    pub pods: Vec<GuardReplica>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardReplica {
    /// Its pod.
    pub pod: String,
    /// Where it runs.
    pub node: Option<String>,
    /// Whether it can be asked.
    pub ready: bool,
    /// Since when it is there.
    pub since: Option<Timestamp>,
    /// Its image.
    pub image: String,
    /// Why it does not run, if it does not.
    pub waiting: Option<String>,
}

/// When the API server asks the guard.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WebhookRegistration {
    /// Each occasion.
    pub hooks: Vec<GuardWebhook>,
    /// From when to when the authorities are good that it is told to trust, the newest first.
    pub authorities: Vec<(Timestamp, Timestamp)>,
}

/// An occasion on which the API server asks: a webhook of one of the two configurations.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardWebhook {
    /// Its name.
    pub name: String,
    /// Whether what cannot be asked is refused; else it passes.
    pub fails_closed: bool,
    /// Whether the API server knows an authority to trust.
    pub trusted: bool,
    /// The namespaces it is about, by their labels; all without it.
    pub namespaces: Option<LabelSelector>,
}

/// A namespace whose Secrets the guard may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretGrant {
    /// The namespace.
    pub namespace: String,
    /// Which Secrets; all of them where none is named.
    pub secrets: Vec<String>,
}

/// The namespace the guard is installed in, if it is: that of the account which has its rights.
pub async fn find_namespace(cluster: &Cluster) -> Result<Option<String>> {
    let bindings: Api<ClusterRoleBinding> = Api::all(cluster.client.clone());
    let binding = bindings.get_opt(GUARD).await?;
    Ok(binding.and_then(|binding| binding.subjects?.into_iter().find_map(|subject| subject.namespace)))
}

/// The guard's replicas in a namespace; none where it is not installed there.
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

/// When the API server asks the guard; empty where it is not installed.
pub async fn read_webhooks(cluster: &Cluster) -> Result<WebhookRegistration> {
    let mutating: Api<MutatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let validating: Api<ValidatingWebhookConfiguration> = Api::all(cluster.client.clone());
    let (mutating, validating) = futures::future::try_join(mutating.get_opt(GUARD), validating.get_opt(GUARD)).await?;
    let mutating = mutating.and_then(|configuration| configuration.webhooks).unwrap_or_default();
    let validating = validating.and_then(|configuration| configuration.webhooks).unwrap_or_default();
    let mut asking = WebhookRegistration::default();
    for hook in mutating {
        asking.add(hook.name, hook.failure_policy.as_deref(), hook.namespace_selector, &hook.client_config);
    }
    for hook in validating {
        asking.add(hook.name, hook.failure_policy.as_deref(), hook.namespace_selector, &hook.client_config);
    }
    asking.hooks.sort_by(|one, other| (one.fails_closed, &other.name).cmp(&(other.fails_closed, &one.name)).reverse());
    Ok(asking)
}

impl WebhookRegistration {
    /// Whether the guard is asked about a namespace with these labels, on each occasion that fails closed.
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

/// From when to when each certificate of a PEM text is good. What cannot be read is left out.
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
