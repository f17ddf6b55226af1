//! TOUCH. The claim: a Lease, so that a workload has one operation at a time, and everybody can see whose.

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
use super::lease::{LIFETIME, LockHolder, Site, claimed, holder, is_one_tenure, lease, name};
use crate::metadata::owner_reference;
use crate::{Cluster, Error, PREFIX, Result};

/// The annotation that names the pod that goes next, by UID, under our prefix.
pub const NEXT_POD: &str = "next-pod";

/// The annotation that names the node an operation has judged and is about to empty of the workload, under our prefix.
pub const LEAVES_NODE: &str = "leaves-node";

/// A sign of life this often: three may fail before the claim is anybody's.
const RENEW_EVERY: Duration = Duration::from_millis(2_500);

/// Without a sign of life for this long the holder no longer counts the claim as its own and touches nothing until it
/// has renewed it. Shorter than [`LIFETIME`], so that a new holder never acts beside the old one.
const TRUSTED_FOR: Duration = Duration::from_secs(6);

/// A held claim; renewed in the background until released or dropped. Dropping does not release it: whoever comes next
/// waits until it has run out, for nobody can know how far a dropped operation got.
pub struct OperationLock {
    leases: Api<Lease>,
    workload: String,
    held: Arc<Mutex<Held>>,
    renewer: JoinHandle<()>,
}

struct Held {
    lease: Lease,
    renewed: Instant,
    lost: bool,
}

impl OperationLock {
    /// Who holds the claim on a workload now, alive or not.
    pub async fn holder(cluster: &Cluster, workload: &Workload) -> Result<Option<LockHolder>> {
        let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), &workload.id.namespace);
        Ok(leases.get_opt(&name(workload)).await?.as_ref().and_then(holder))
    }

    /// Takes the claim. One that is held is waited for up to `patience`: it is free once its holder has let go of it,
    /// or has shown no sign of life for its whole lifetime **while we watched** (clocks of two machines are not compared).
    pub async fn take(cluster: &Cluster, workload: &Workload, identity: &str, patience: Duration) -> Result<Self> {
        Self::take_watched(cluster, workload, identity, patience, None).await
    }

    /// The same, by somebody who has watched the claim before: since when it has shown no sign of life need not be found out
    /// once more.
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

    /// Waits, for as long as it takes, until this process leads those that call themselves `name` in a namespace.
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
            let attempt = match &existing {
                None => leases.create(&PostParams::default(), &lease(site, identity, Timestamp::now(), None)).await,
                Some(old) => {
                    let version = old.metadata.resource_version.clone().unwrap_or_default();
                    let since = match &watched {
                        Some((seen, since)) if *seen == version => *since,
                        _ => Instant::now(),
                    };
                    watched = Some((version, since));
                    if holder(old).is_some() && since.elapsed() < LIFETIME {
                        if started.elapsed() >= patience {
                            return Err(claimed(site, old));
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
                Ok(lease) => return Ok(Self::keep(leases, site, lease)),
                // Somebody was quicker: look who.
                Err(Error::Conflict(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn keep(leases: Api<Lease>, site: &Site, lease: Lease) -> Self {
        let held = Arc::new(Mutex::new(Held { lease, renewed: Instant::now(), lost: false }));
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

    /// Makes sure the claim is still ours; to be called before each thing done.
    pub async fn confirm(&self) -> Result<()> {
        let mut held = self.held.lock().await;
        if held.lost {
            return Err(Error::ClaimLost(self.workload.clone()));
        }
        if held.renewed.elapsed() < TRUSTED_FOR {
            return Ok(());
        }
        let renewed = held.renew(&self.leases).await;
        if held.lost { Err(Error::ClaimLost(self.workload.clone())) } else { renewed }
    }

    /// Tells the guard what comes next: [`NEXT_POD`] by its UID, or [`LEAVES_NODE`] by its name.
    pub async fn announce(&self, what: &str, which: &str) -> Result<()> {
        let mut held = self.held.lock().await;
        let notes = held.lease.metadata.annotations.get_or_insert_default();
        notes.insert(format!("{PREFIX}{what}"), which.to_owned());
        held.renew(&self.leases).await
    }

    /// Lets go of it.
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
    /// Writes the lease with a new sign of life, provided that it is still ours. An answer that takes longer than the claim is
    /// trusted for is not waited for.
    async fn renew(&mut self, leases: &Api<Lease>) -> Result<()> {
        match timeout(TRUSTED_FOR, self.written(leases)).await {
            Ok(written) => written,
            Err(_) => Err(Error::Unreachable(format!("it has not answered for {} s", TRUSTED_FOR.as_secs()))),
        }
    }

    async fn written(&mut self, leases: &Api<Lease>) -> Result<()> {
        let mut next = self.lease.clone();
        next.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
        let name = next.metadata.name.clone().unwrap_or_default();
        let mut written = leases.replace(&name, &PostParams::default(), &next).await.map_err(Error::from);
        if let Err(Error::Conflict(_)) = written {
            // A sign of life whose answer was lost on the way is our own, and no other holder.
            let there = leases.get(&name).await?;
            if is_one_tenure(&there, &next) {
                next.metadata.resource_version = there.metadata.resource_version;
                written = leases.replace(&name, &PostParams::default(), &next).await.map_err(Error::from);
            }
        }
        match written {
            Ok(lease) => {
                self.lease = lease;
                self.renewed = Instant::now();
                Ok(())
            }
            Err(error) => {
                self.lost = matches!(error, Error::Conflict(_) | Error::NotFound(_));
                Err(error)
            }
        }
    }
}

/// The version this process saw last, and since when. A moment of the wall clock that lies ahead is no moment at all.
fn watched(seen: &LeaseFacts) -> Option<(String, Instant)> {
    let age = Duration::try_from(Timestamp::now().duration_since(seen.seen_at)).ok()?;
    Some((seen.version.clone(), Instant::now().checked_sub(age)?))
}
