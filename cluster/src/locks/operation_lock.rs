//! TOUCH. The operation lock: a Lease that gives a workload one operation at a time and shows its holder.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, PostParams};
use stateful_safety::Workload;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::LeaseFacts;
use super::lease::{LockHolder, Site, holder, is_same_holding, lease, locked_error, name};
use super::trust::{TRUSTED_FOR, Trust, is_free, trust};
use crate::metadata::owner_reference;
use crate::{Cluster, Error, PREFIX, Result};

/// The annotation, under this tool's prefix, with the UID of the pod that the operation removes next.
pub const NEXT_POD: &str = "next-pod";

/// The annotation, under this tool's prefix, with the node whose members of the workload the operation is about to move;
/// the judge has allowed it.
pub const LEAVES_NODE: &str = "leaves-node";

/// How often the holder renews the lock: three renewals may fail before it expires.
const RENEW_EVERY: Duration = Duration::from_millis(2_500);

/// A held operation lock, renewed in the background until it is released or dropped. Dropping does not release it: the next
/// operation waits until it expires, because the progress of a dropped operation is unknown.
pub struct OperationLock {
    leases: Api<Lease>,
    workload: String,
    held: Arc<Mutex<Held>>,
    renewer: JoinHandle<()>,
}

struct Held {
    lease: Lease,
    /// When its last renewal was asked for. The Lease was renewed no earlier, however late the answer came.
    renewed: Instant,
    /// Never false again: that the API server did not answer afterwards brings no lock back.
    lost: bool,
}

impl OperationLock {
    /// LOOK. The holder of a workload's operation lock, whether it still renews it or not.
    pub async fn holder(cluster: &Cluster, workload: &Workload) -> Result<Option<LockHolder>> {
        let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
        Ok(leases.get_opt(&name(workload)).await?.as_ref().and_then(holder))
    }

    /// Takes the lock. A lock that is held is waited for up to `patience`; then [`Error::Locked`]. It is free once its
    /// holder has released it, or has not renewed it for [`LIFETIME`](super::LIFETIME) **while this process watched**: the clocks of two
    /// machines are not compared.
    pub async fn take(cluster: &Cluster, workload: &Workload, identity: &str, patience: Duration) -> Result<Self> {
        Self::take_watched(cluster, workload, identity, patience, None).await
    }

    /// Takes the lock like [`OperationLock::take`]. `seen` is what this process observed of the lock before, so that its
    /// holder's silence is not measured from the beginning again.
    pub async fn take_watched(
        cluster: &Cluster,
        workload: &Workload,
        identity: &str,
        patience: Duration,
        seen: Option<&LeaseFacts>,
    ) -> Result<Self> {
        let site = Site {
            namespace: workload.id.namespace.clone(),
            name: name(workload),
            owner: Some(owner_reference(workload)),
            shown: workload.id.to_string(),
        };
        let watched = seen.and_then(watched);
        Self::take_at(cluster, &site, identity, patience, Duration::from_millis(250), watched).await
    }

    /// Waits without a limit until this process holds the Lease `name` of a namespace, as the leader among replicas.
    pub async fn lead(cluster: &Cluster, namespace: &str, name: &str, identity: &str) -> Result<Self> {
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        let site = Site { shown: format!("Lease {namespace}/{name}"), namespace, name, owner: None };
        Self::take_at(cluster, &site, identity, Duration::MAX, Duration::from_secs(2), None).await
    }

    async fn take_at(
        cluster: &Cluster,
        site: &Site,
        identity: &str,
        patience: Duration,
        every: Duration,
        mut watched: Option<(String, Instant)>,
    ) -> Result<Self> {
        let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), &site.namespace);
        let started = Instant::now();
        loop {
            let existing = leases.get_opt(&site.name).await?;
            let asked = Instant::now();
            let attempt = match &existing {
                None => leases.create(&PostParams::default(), &lease(site, identity, Timestamp::now(), None)).await,
                Some(old) => {
                    let version = old.metadata.resource_version.clone().unwrap_or_default();
                    let since = match &watched {
                        Some((seen, since)) if *seen == version => *since,
                        _ => Instant::now(),
                    };
                    watched = Some((version, since));
                    if !is_free(holder(old).is_some(), since.elapsed()) {
                        if started.elapsed() >= patience {
                            return Err(locked_error(site, old));
                        }
                        sleep(every).await;
                        continue;
                    }
                    leases
                        .replace(
                            &site.name,
                            &PostParams::default(),
                            &lease(site, identity, Timestamp::now(), Some(old)),
                        )
                        .await
                }
            };
            match attempt.map_err(Error::from) {
                Ok(lease) => return Ok(Self::keep(leases, site, lease, asked)),
                // Another process was faster: read its Lease.
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn keep(leases: Api<Lease>, site: &Site, lease: Lease, renewed: Instant) -> Self {
        let held = Arc::new(Mutex::new(Held { lease, renewed, lost: false }));
        let renewer = tokio::spawn({
            let (leases, held) = (leases.clone(), Arc::clone(&held));
            async move {
                loop {
                    sleep(RENEW_EVERY).await;
                    let mut held = held.lock().await;
                    if held.renew(&leases).await.is_err() && held.lost {
                        return;
                    }
                }
            }
        });
        Self { leases, workload: site.shown.clone(), held, renewer }
    }

    /// Makes sure that this process still holds the lock; to be called before each change. [`Error::LockLost`] when another
    /// process has taken it.
    pub async fn confirm(&self) -> Result<()> {
        let mut held = self.held.lock().await;
        match trust(held.lost, held.renewed.elapsed()) {
            Trust::Holds => Ok(()),
            Trust::Lost => Err(Error::LockLost(self.workload.clone())),
            Trust::Renew => {
                let renewed = held.renew(&self.leases).await;
                if held.lost { Err(Error::LockLost(self.workload.clone())) } else { renewed }
            }
        }
    }

    /// Announces to the guard what the operation does next: [`NEXT_POD`] with a UID, or [`LEAVES_NODE`] with a node's name.
    pub async fn announce(&self, what: &str, which: &str) -> Result<()> {
        let mut held = self.held.lock().await;
        let notes = held.lease.metadata.annotations.get_or_insert_default();
        notes.insert(format!("{PREFIX}{what}"), which.to_owned());
        held.renew(&self.leases).await
    }

    /// Releases the lock.
    pub async fn release(self) -> Result<()> {
        self.renewer.abort();
        let mut held = self.held.lock().await;
        let spec = held.lease.spec.get_or_insert_default();
        spec.holder_identity = None;
        held.renew(&self.leases).await
    }
}

impl Drop for OperationLock {
    fn drop(&mut self) {
        self.renewer.abort();
    }
}

impl Held {
    /// Writes the Lease with a new renewal time, provided that this process still holds it. Waits for the answer no longer than
    /// [`TRUSTED_FOR`].
    async fn renew(&mut self, leases: &Api<Lease>) -> Result<()> {
        match timeout(TRUSTED_FOR, self.write(leases)).await {
            Ok(written) => written,
            Err(_) => Err(Error::Unreachable(format!("it has not answered for {} s", TRUSTED_FOR.as_secs()))),
        }
    }

    async fn write(&mut self, leases: &Api<Lease>) -> Result<()> {
        let mut next = self.lease.clone();
        next.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
        let name = next.metadata.name.clone().unwrap_or_default();
        let asked = Instant::now();
        let mut written = leases.replace(&name, &PostParams::default(), &next).await.map_err(Error::from);
        if let Err(Error::Conflict(_)) = written {
            // The conflict may come from our own renewal, if its answer was lost.
            let there = leases.get(&name).await?;
            if is_same_holding(&there, &next) {
                next.metadata.resource_version = there.metadata.resource_version;
                written = leases.replace(&name, &PostParams::default(), &next).await.map_err(Error::from);
            }
        }
        match written {
            Ok(lease) => {
                self.lease = lease;
                self.renewed = asked;
                Ok(())
            }
            Err(error) => {
                self.lost |= matches!(error, Error::Conflict(_) | Error::NotFound(_));
                Err(error)
            }
        }
    }
}

/// The version this process saw last, and since when. A time in the future is ignored.
fn watched(seen: &LeaseFacts) -> Option<(String, Instant)> {
    let age = Duration::try_from(Timestamp::now().duration_since(seen.seen_at)).ok()?;
    Some((seen.version.clone(), Instant::now().checked_sub(age)?))
}
