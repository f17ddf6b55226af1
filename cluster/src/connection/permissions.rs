//! LOOK. Finds missing permissions before an operation begins.

use futures::future::try_join_all;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::{Api, PostParams};

use super::{Cluster, Error, Result};

/// A permission that a command needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// The verb: `get`, `patch`, `create`.
    pub verb: &'static str,
    /// The API group; empty for the core one.
    pub group: &'static str,
    /// The resource, with its subresource: `pods/eviction`.
    pub resource: &'static str,
    /// Whether it is needed in the whole cluster and not only in one namespace.
    pub cluster_wide: bool,
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { verb, group, resource, cluster_wide: _ } = self;
        if group.is_empty() { write!(f, "{verb} {resource}") } else { write!(f, "{verb} {resource}.{group}") }
    }
}

/// Returns the permissions among `wanted` that the API server does not grant in a namespace. Asks with one
/// `SelfSubjectAccessReview` for each, all at once.
pub async fn find_missing(cluster: &Cluster, namespace: &str, wanted: &[Permission]) -> Result<Vec<Permission>> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(cluster.client.clone());
    let answers = try_join_all(wanted.iter().map(async |permission| {
        let review = review(namespace, permission);
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok::<_, Error>(answer.status.is_some_and(|status| status.allowed))
    }))
    .await?;
    Ok(wanted.iter().zip(answers).filter(|(_, allowed)| !allowed).map(|(permission, _)| *permission).collect())
}

fn review(namespace: &str, permission: &Permission) -> SelfSubjectAccessReview {
    let (resource, subresource) = match permission.resource.split_once('/') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (permission.resource, None),
    };
    let attributes = ResourceAttributes {
        namespace: (!permission.cluster_wide).then(|| namespace.to_owned()),
        verb: Some(permission.verb.to_owned()),
        group: Some(permission.group.to_owned()),
        resource: Some(resource.to_owned()),
        subresource,
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() }
}
