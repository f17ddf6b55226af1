//! The pods of no database: which may be evicted (think), and their eviction as `kubectl drain` does it (touch).

use std::time::{Duration, Instant};

use futures::future::join_all;
use stateful_cluster::changes::{EvictionOutcome, evict};
use stateful_cluster::discovery::pods::{self as node_pods, DrainObstacle, NodePod};
use stateful_cluster::{Cluster, Error as ClusterError};
use tokio::time::sleep;

use super::{CampaignError, CampaignListener};

/// Between two attempts at an eviction that is not granted: what `kubectl drain` waits.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Between two observations of a pod that is terminating.
const POLL: Duration = Duration::from_millis(500);

/// What the user accepts to lose, by the flags of `kubectl drain`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AcceptedLosses {
    /// Pods of a `DaemonSet` stay: their controller ignores a cordon (`--ignore-daemonsets`).
    pub daemon_sets_stay: bool,
    /// What pods keep in an `emptyDir` (`--delete-emptydir-data`).
    pub empty_dirs: bool,
    /// Pods that no controller creates again (`--force`).
    pub unmanaged: bool,
}

/// THINK. The pods to evict.
///
/// # Errors
/// Each pod that is held back, with the flag that lets it go.
pub fn evictable(pods: Vec<NodePod>, accepted: AcceptedLosses) -> Result<Vec<NodePod>, Vec<String>> {
    let mut evicted = Vec::new();
    let mut held = Vec::new();
    for pod in pods {
        let name = format!("{}/{}", pod.namespace, pod.name);
        match pod.obstacle {
            Some(DrainObstacle::Mirror) => {}
            Some(DrainObstacle::DaemonSet) if accepted.daemon_sets_stay => {}
            Some(DrainObstacle::DaemonSet) => held.push(format!("{name} belongs to a DaemonSet (--ignore-daemonsets)")),
            Some(DrainObstacle::LocalData) if !accepted.empty_dirs => {
                held.push(format!("{name} keeps data in an emptyDir (--delete-emptydir-data)"));
            }
            Some(DrainObstacle::Unmanaged) if !accepted.unmanaged => {
                held.push(format!("{name} has no controller (--force)"));
            }
            Some(DrainObstacle::LocalData | DrainObstacle::Unmanaged | DrainObstacle::Finished) | None => {
                evicted.push(pod);
            }
        }
    }
    if held.is_empty() { Ok(evicted) } else { Err(held) }
}

/// TOUCH. Evicts all of them at once and waits until they are gone; `limit` is for each of them.
pub(super) async fn evict_all(
    cluster: &Cluster,
    pods: &[NodePod],
    limit: Option<Duration>,
    listener: &dyn CampaignListener,
    dry_run: bool,
) -> Result<(), CampaignError> {
    let results = join_all(pods.iter().map(|pod| evict_one(cluster, pod, limit, listener, dry_run))).await;
    let failed: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() { Ok(()) } else { Err(CampaignError::Evictions(failed)) }
}

async fn evict_one(
    cluster: &Cluster,
    pod: &NodePod,
    limit: Option<Duration>,
    listener: &dyn CampaignListener,
    dry_run: bool,
) -> Result<(), String> {
    let NodePod { namespace, name, uid, obstacle: _ } = pod;
    let started = Instant::now();
    let overdue = || limit.is_some_and(|limit| started.elapsed() >= limit);
    let mut noted = false;
    loop {
        match evict(cluster, namespace, name, uid, dry_run).await {
            Ok(EvictionOutcome::Gone) => return Ok(()),
            Ok(EvictionOutcome::Granted) => break,
            Ok(EvictionOutcome::Refused(why)) | Err(ClusterError::Unreachable(why)) => {
                if dry_run || overdue() {
                    return Err(format!("{namespace}/{name} cannot be evicted: {why}"));
                }
                if !noted {
                    listener.note(&format!("{namespace}/{name}: waiting, {why}"));
                    noted = true;
                }
            }
            Err(error) => return Err(format!("{namespace}/{name} cannot be evicted: {error}")),
        }
        sleep(ASK_AGAIN).await;
    }
    while !dry_run && matches!(node_pods::find_uid(cluster, namespace, name).await, Ok(Some(now)) if now == *uid) {
        if overdue() {
            return Err(format!("{namespace}/{name} is still terminating"));
        }
        sleep(POLL).await;
    }
    listener.evicted(pod);
    Ok(())
}

#[cfg(test)]
mod tests {
    use stateful_cluster::discovery::pods::{DrainObstacle, NodePod};

    use super::{AcceptedLosses, evictable};

    fn pod(obstacle: Option<DrainObstacle>) -> NodePod {
        NodePod { namespace: "shop".to_owned(), name: "pod".to_owned(), uid: "1".to_owned(), obstacle }
    }

    #[test]
    fn a_pod_that_would_lose_something_is_held_back_until_the_user_accepts_that() {
        let all = AcceptedLosses { daemon_sets_stay: true, empty_dirs: true, unmanaged: true };
        for obstacle in [DrainObstacle::LocalData, DrainObstacle::Unmanaged] {
            assert_eq!(evictable(vec![pod(Some(obstacle))], AcceptedLosses::default()).expect_err("held").len(), 1);
            assert_eq!(evictable(vec![pod(Some(obstacle))], all).expect("evicted").len(), 1);
        }
        assert!(evictable(vec![pod(Some(DrainObstacle::DaemonSet))], AcceptedLosses::default()).is_err());
        assert_eq!(evictable(vec![pod(Some(DrainObstacle::DaemonSet))], all), Ok(Vec::new()), "it stays");
        assert_eq!(evictable(vec![pod(None)], AcceptedLosses::default()).expect("evicted").len(), 1);
    }
}
