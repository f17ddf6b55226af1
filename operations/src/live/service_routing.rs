//! TOUCH. The Services that lead a database's clients to one member by name, in a switchover.
//!
//! They are turned when the successor is told to lead and not when it does: nodes' proxies take as long to follow as it takes.
//! And there is something to be ahead of. The old primary's pod, its server gone, is taken out of every Service that still
//! leads there as soon as the kubelet notices; a proxy that has just followed one change makes the next one wait (a second,
//! `minSyncPeriod` of kube-proxy), so the one that leads to the successor has to be the first.

use std::time::{Duration, Instant};

use futures::future::join_all;
use stateful_cluster::Cluster;
use stateful_cluster::changes::reroute;
use stateful_cluster::discovery::endpoint_slices;
use stateful_safety::Workload;
use tokio::time::{sleep, timeout};

/// How long turning may take. An API server that is there answers in milliseconds; clients may be waiting meanwhile, and
/// the plan's next row does again what is not done here.
const TURNED_WITHIN: Duration = Duration::from_secs(1);

/// How long it is waited for until the Service leads to the new primary. The endpoint controller takes a fraction of a
/// second; longer, and clients are better off with an error than waiting.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(5);

/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(10);

/// How long nothing may have changed for proxies to follow the next change at once (`minSyncPeriod` of kube-proxy, and what it
/// takes one to follow). Changes of other namespaces keep them busy as well; those nobody here may see.
const RESTED_FOR: Duration = Duration::from_millis(1_200);

/// How long it is waited for that. Where something changes all the time, clients may wait for a second more.
const RESTED_WITHIN: Duration = Duration::from_secs(6);

/// Between two looks at that; no client waits meanwhile.
const LOOK_WHETHER_RESTED: Duration = Duration::from_millis(200);

/// The Services of one switchover.
pub(super) struct Signposts {
    cluster: Cluster,
    namespace: String,
    services: Vec<String>,
    from: String,
    to: String,
}

impl Signposts {
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

    /// Waits until nodes' proxies have followed what changed before, a pod that was replaced a moment ago, say: they would follow
    /// the turn a second late.
    pub(super) async fn rested(&self) {
        if self.services.is_empty() {
            return;
        }
        let begun = Instant::now();
        let (mut before, mut since) = (None, begun);
        while begun.elapsed() < RESTED_WITHIN && since.elapsed() < RESTED_FOR {
            // Not to know is no reason to wait: nothing is lost by being late.
            let Ok(now) = endpoint_slices::list_versions(&self.cluster, &self.namespace).await else { return };
            if before.as_ref() != Some(&now) {
                (before, since) = (Some(now), Instant::now());
            }
            sleep(LOOK_WHETHER_RESTED).await;
        }
    }

    /// Leads clients to the successor; whether that was done.
    pub(super) async fn turn(&self) -> bool {
        self.lead_to(&self.to).await
    }

    /// Leads clients to the old primary, which leads on; whether that was done.
    pub(super) async fn turn_back(&self) -> bool {
        self.lead_to(&self.from).await
    }

    async fn lead_to(&self, member: &str) -> bool {
        let turned =
            self.services.iter().map(|service| reroute(&self.cluster, &self.namespace, service, member, false));
        let turned = timeout(TURNED_WITHIN, join_all(turned)).await;
        turned.is_ok_and(|each| each.iter().all(Result::is_ok))
    }

    /// Waits until every Service leads to the successor, or a moment has passed.
    pub(super) async fn followed(&self) {
        let begun = Instant::now();
        for service in &self.services {
            while begun.elapsed() < FOLLOWED_WITHIN {
                match endpoint_slices::leads_to(&self.cluster, &self.namespace, service, &self.to).await {
                    Ok(true) => break,
                    Ok(false) | Err(_) => sleep(LOOK).await,
                }
            }
        }
    }
}
