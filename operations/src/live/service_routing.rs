//! TOUCH. The Services that lead a database's clients to one member by name, in a switchover.
//!
//! They are pointed at the successor when it is told to become the primary, not once it is: kube-proxy on the nodes takes
//! about as long to follow as the promotion takes. And the change has to come before another one: the old primary's pod, whose
//! server has stopped, is taken out of every Service that still leads there as soon as the kubelet notices. A kube-proxy that
//! has just followed one change makes the next one wait (a second, `minSyncPeriod`), so the change that leads to the successor
//! has to be the first.

use std::time::{Duration, Instant};

use futures::future::join_all;
use stateful_cluster::Cluster;
use stateful_cluster::changes::reroute;
use stateful_cluster::discovery::endpoint_slices;
use stateful_safety::Workload;
use tokio::time::{sleep, timeout};

/// How long the patches may take. An API server that is there answers in milliseconds; clients may be waiting meanwhile, and
/// the plan's next row does again what is not done here.
const REROUTED_WITHIN: Duration = Duration::from_secs(1);

/// How long to wait until the Service leads to the new primary. The endpoint controller takes a fraction of a second; longer,
/// and an error is better for clients than waiting.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

/// Between two reads of its endpoints.
const FOLLOWED_POLL: Duration = Duration::from_millis(10);

/// How long nothing may have changed for kube-proxy to follow the next change at once (its `minSyncPeriod`, and the time that
/// it takes to follow one). Changes of other namespaces keep it busy as well; this tool may not read those.
const QUIET_FOR: Duration = Duration::from_millis(1_200);

/// How long to wait for that. Where something changes all the time, clients may wait for a second more.
const QUIET_WITHIN: Duration = Duration::from_secs(6);

/// Between two reads while waiting for that; no client waits meanwhile.
const QUIET_POLL: Duration = Duration::from_millis(200);

/// The Services of one switchover.
pub(super) struct ServiceRoutes {
    cluster: Cluster,
    namespace: String,
    services: Vec<String>,
    from: String,
    to: String,
}

impl ServiceRoutes {
    /// Those of a workload that lead to one of the two.
    pub(super) fn of(cluster: &Cluster, workload: &Workload, from: &str, to: &str) -> Self {
        let concerned = workload.routes.iter().filter(|route| [from, to].contains(&route.member.as_str()));
        Self {
            cluster: cluster.clone(),
            namespace: workload.id.namespace.clone(),
            services: concerned.map(|route| route.service.clone()).collect(),
            from: from.to_owned(),
            to: to.to_owned(),
        }
    }

    /// Waits until kube-proxy has followed earlier changes (a pod that was replaced a moment ago, for example): else it would
    /// follow the switchover a second late.
    pub(super) async fn wait_until_quiet(&self) {
        if self.services.is_empty() {
            return;
        }
        let begun = Instant::now();
        let (mut before, mut since) = (None, begun);
        while begun.elapsed() < QUIET_WITHIN && since.elapsed() < QUIET_FOR {
            // Without an answer there is no reason to wait: a late change loses nothing.
            let Ok(now) = endpoint_slices::list_versions(&self.cluster, &self.namespace).await else { return };
            if before.as_ref() != Some(&now) {
                (before, since) = (Some(now), Instant::now());
            }
            sleep(QUIET_POLL).await;
        }
    }

    /// Points the Services at the successor; whether that was done.
    pub(super) async fn point_to_successor(&self) -> bool {
        self.point_to(&self.to).await
    }

    /// Points the Services at the old primary, which stays the primary; whether that was done.
    pub(super) async fn point_back(&self) -> bool {
        self.point_to(&self.from).await
    }

    async fn point_to(&self, member: &str) -> bool {
        let patches =
            self.services.iter().map(|service| reroute(&self.cluster, &self.namespace, service, member, false));
        let patched = timeout(REROUTED_WITHIN, join_all(patches)).await;
        patched.is_ok_and(|each| each.iter().all(Result::is_ok))
    }

    /// Waits until every Service leads to the successor, or a moment has passed.
    pub(super) async fn wait_until_followed(&self) {
        let begun = Instant::now();
        for service in &self.services {
            while begun.elapsed() < FOLLOWED_WITHIN {
                match endpoint_slices::leads_to(&self.cluster, &self.namespace, service, &self.to).await {
                    Ok(true) => break,
                    Ok(false) | Err(_) => sleep(FOLLOWED_POLL).await,
                }
            }
        }
    }
}
