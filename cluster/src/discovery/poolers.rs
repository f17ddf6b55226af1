//! LOOK. Pods with a connection pooler. Which database a pooler leads to, its own console tells.

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec};
use kube::api::{Api, ListParams};
use stateful_safety::{ConnectionConfig, ContainerFacts, Member};

use super::container::declared;
use super::credentials::{ResolvedSecrets, follow};
use super::member::member;
use crate::{Cluster, Result};

/// A pod with a pooler in it.
pub struct PoolerPod {
    /// The pod.
    pub pod: Member,
    /// What the pooler's container declares.
    pub facts: ContainerFacts,
    namespace: String,
    spec: PodSpec,
    container: Container,
}

impl PoolerPod {
    /// Resolves the credentials that the pooler's container refers to.
    pub async fn resolve_secrets(
        &self,
        cluster: &Cluster,
        connection_config: &ConnectionConfig,
    ) -> Result<ResolvedSecrets> {
        follow(cluster, &self.namespace, &self.spec, &self.container, connection_config).await
    }
}

/// The running poolers of a namespace, without those that are being deleted: they close their clients' connections anyway.
pub async fn list(cluster: &Cluster, namespace: &str) -> Result<Vec<PoolerPod>> {
    let pods: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
    let mut found = Vec::new();
    for pod in pods.list(&ListParams::default()).await?.items {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let Some(spec) = pod.spec.clone().filter(|_| phase == Some("Running")) else { continue };
        let pools = |container: &&Container| container.image.as_deref().is_some_and(is_pooler);
        let Some(container) = spec.containers.iter().find(pools).cloned() else { continue };
        let Some(member) = member(&pod, &container.name).filter(|member| !member.terminating) else { continue };
        let facts = declared(cluster, namespace, pod.metadata.annotations.as_ref(), &spec, &container).await;
        found.push(PoolerPod { pod: member, facts, namespace: namespace.to_owned(), spec, container });
    }
    Ok(found)
}

/// Whether an image is `PgBouncer`'s: `pgbouncer` and `crunchy-pgbouncer` are, `pgbouncer-exporter` is not.
fn is_pooler(image: &str) -> bool {
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    let name = last.split(':').next().unwrap_or(last);
    name.split('-').any(|word| word == "pgbouncer") && !name.contains("exporter")
}

#[cfg(test)]
mod tests {
    use super::is_pooler;

    #[test]
    fn a_pooler_is_recognised_by_the_last_part_of_its_images_path() {
        for image in [
            "pgbouncer",
            "edoburu/pgbouncer:v1.24.1-p1",
            "ghcr.io/cloudnative-pg/pgbouncer:1.24.1",
            "docker.io/bitnami/pgbouncer@sha256:00",
            "team:5000/crunchydata/crunchy-pgbouncer:ubi9-1.24-0",
        ] {
            assert!(is_pooler(image), "{image}");
        }
        for image in ["postgres:15", "prometheuscommunity/pgbouncer-exporter:v0.10", "pgbouncer/tools:1"] {
            assert!(!is_pooler(image), "{image}");
        }
    }
}
