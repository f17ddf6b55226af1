//! The pods that are no database's: evicted as `kubectl drain` evicts them, by the same flags.

use std::time::{Duration, Instant};

use futures::future::join_all;
use stateful_cluster::Error as ClusterError;
use stateful_cluster::changes::{EvictionOutcome, evict};
use stateful_cluster::discovery::pods;
use stateful_cluster::discovery::pods::{DrainObstacle, NodePod};
use stateful_safety::Workload;
use tokio::time::sleep;

use super::DrainArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Between two tries of an eviction that is not granted: what `kubectl drain` waits.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// Between two looks at a pod that is going.
const POLL: Duration = Duration::from_millis(500);

/// The other pods to evict; refuses, naming them, when a flag is missing that lets them go.
pub(super) async fn sort(
    context: &Context,
    args: &DrainArgs,
    node: &str,
    databases: &[&Workload],
) -> Result<Vec<NodePod>, Failure> {
    let is_ours = |pod: &NodePod| {
        databases
            .iter()
            .any(|w| w.id.namespace == pod.namespace && w.members.iter().any(|member| member.uid == pod.uid))
    };
    let mut evicted = Vec::new();
    let mut held = Vec::new();
    for pod in pods::list_on_node(&context.cluster, node).await?.into_iter().filter(|pod| !is_ours(pod)) {
        let name = format!("{}/{}", pod.namespace, pod.name);
        match pod.obstacle {
            Some(DrainObstacle::Mirror) => {}
            Some(DrainObstacle::DaemonSet) if args.ignore_daemonsets => {}
            Some(DrainObstacle::DaemonSet) => held.push(format!("{name} is a DaemonSet's (--ignore-daemonsets)")),
            Some(DrainObstacle::LocalData) if !args.delete_emptydir_data => {
                held.push(format!("{name} keeps data in an emptyDir (--delete-emptydir-data)"));
            }
            Some(DrainObstacle::Unmanaged) if !args.force => held.push(format!("{name} has no controller (--force)")),
            Some(DrainObstacle::LocalData | DrainObstacle::Unmanaged | DrainObstacle::Finished) | None => {
                evicted.push(pod);
            }
        }
    }
    if held.is_empty() {
        return Ok(evicted);
    }
    Err(Failure::new(Exit::Error, format!("cannot drain {node}: {}; nothing was touched", held.join("; "))))
}

/// Evicts all of them at once and waits until they are gone.
pub(super) async fn evict_all(
    context: &Context,
    args: &DrainArgs,
    pods: &[NodePod],
    dry_run: bool,
) -> Result<(), Failure> {
    let results = join_all(pods.iter().map(|pod| away(context, args, pod, dry_run))).await;
    let failed: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::Error, failed.join("; ")))
}

async fn away(context: &Context, args: &DrainArgs, pod: &NodePod, dry_run: bool) -> Result<(), String> {
    let NodePod { namespace, name, uid, obstacle: _ } = pod;
    let limit = (!args.operation.timeout.is_zero()).then_some(args.operation.timeout);
    let started = Instant::now();
    let overdue = || limit.is_some_and(|limit| started.elapsed() >= limit);
    let mut said = false;
    loop {
        match evict(&context.cluster, namespace, name, uid, dry_run).await {
            Ok(EvictionOutcome::Gone) => return Ok(()),
            Ok(EvictionOutcome::Granted) => break,
            Ok(EvictionOutcome::Refused(why)) | Err(ClusterError::Unreachable(why)) => {
                if dry_run || overdue() {
                    return Err(format!("{namespace}/{name} cannot be evicted: {why}"));
                }
                if !said {
                    context.printer.note(&format!("{namespace}/{name}: waiting, {why}"));
                    said = true;
                }
            }
            Err(error) => return Err(format!("{namespace}/{name} cannot be evicted: {error}")),
        }
        sleep(ASK_AGAIN).await;
    }
    while !dry_run && matches!(pods::find_uid(&context.cluster, namespace, name).await, Ok(Some(now)) if now == *uid) {
        if overdue() {
            return Err(format!("{namespace}/{name} is still terminating"));
        }
        sleep(POLL).await;
    }
    context.printer.result(&format!("pod/{name} evicted{}", if dry_run { " (server dry run)" } else { "" }));
    Ok(())
}
