//! LOOK. The facts of a Lease that the guard and the operations need.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::Api;

use crate::metadata::own_annotations;
use crate::{Cluster, Result};

/// A Lease of ours: the operation lock of a workload, or the guard's eviction records about one.
#[derive(Debug, Clone)]
pub struct LeaseFacts {
    /// Who holds it; nothing where it was released.
    pub holder: Option<String>,
    /// Its resource version. A renewal changes it, so a version that stays the same means that the holder is silent.
    pub version: String,
    /// Its annotations under our prefix, without the prefix.
    pub notes: BTreeMap<String, String>,
    /// When this process saw that version first.
    pub seen_at: Timestamp,
}

impl LeaseFacts {
    /// Reads a Lease from the API server; `None` when there is none of that name.
    pub async fn read(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<Self>> {
        let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), namespace);
        Ok(leases.get_opt(name).await?.map(|lease| Self::of(&lease, Timestamp::now())))
    }

    /// What is remembered of a Lease that was seen at that time.
    pub(crate) fn of(lease: &Lease, seen_at: Timestamp) -> Self {
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.clone());
        Self {
            holder: holder.filter(|holder| !holder.is_empty()),
            version: lease.metadata.resource_version.clone().unwrap_or_default(),
            notes: own_annotations(lease.metadata.annotations.as_ref()),
            seen_at,
        }
    }
}
