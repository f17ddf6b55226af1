//! Waits until the guard answers, and until the API server trusts it; prints what it waits for whenever that changes.

use std::time::Duration;

use stateful_cluster::guard::installed;
use stateful_cluster::guard::installed::{GuardReplicas, WebhookRegistration};
use tokio::time::{Instant, sleep};

use crate::context::Context;
use crate::failure::Failure;

/// The time between two observations.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A wait that is over this soon is not printed.
const SILENT_FOR: Duration = Duration::from_secs(1);

/// How waiting ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Waited {
    /// The condition holds.
    Done,
    /// The time ran out; what is still missing.
    Over(String),
}

/// Waits until every replica is ready and of the revision that was applied.
pub(super) async fn until_answering(context: &Context, namespace: &str, patience: Duration) -> Result<Waited, Failure> {
    let snapshot = async || {
        let replicas = installed::read_replicas(&context.cluster, namespace).await?;
        Ok(replicas.as_ref().map_or_else(|| Some("its Deployment is gone".to_owned()), unanswering))
    };
    wait(context, "the guard", patience, snapshot).await
}

/// Waits until every webhook says whom to trust.
pub(super) async fn until_trusted(context: &Context, patience: Duration) -> Result<Waited, Failure> {
    let snapshot = async || Ok(untrusted(&installed::read_webhooks(&context.cluster).await?));
    wait(context, "the guard's certificate", patience, snapshot).await
}

async fn wait(
    context: &Context,
    what: &str,
    patience: Duration,
    snapshot: impl AsyncFn() -> Result<Option<String>, Failure>,
) -> Result<Waited, Failure> {
    let began = Instant::now();
    let mut said = String::new();
    loop {
        let Some(standing) = snapshot().await? else { return Ok(Waited::Done) };
        let waited = began.elapsed();
        if waited >= patience {
            return Ok(Waited::Over(standing));
        }
        if waited >= SILENT_FOR && standing != said {
            context.printer.note(&format!("waiting for {what}: {standing}"));
            said = standing;
        }
        sleep(LOOK_EVERY.min(patience)).await;
    }
}

/// What is missing until every replica answers; none when nothing is.
fn unanswering(replicas: &GuardReplicas) -> Option<String> {
    if replicas.settled {
        return None;
    }
    let ready = replicas.pods.iter().filter(|pod| pod.ready).count();
    let waiting = replicas.pods.iter().filter_map(|pod| Some(format!("{}: {}", pod.pod, pod.waiting.as_ref()?)));
    let mut parts = vec![format!("{ready} of {} replicas are ready", replicas.wanted)];
    if replicas.pods.len() > replicas.wanted {
        parts = vec![format!("{ready} replicas are ready, old ones included")];
    }
    parts.extend(waiting);
    Some(parts.join("; "))
}

/// What is missing until the API server trusts every webhook; none when nothing is.
fn untrusted(asking: &WebhookRegistration) -> Option<String> {
    let trusted = asking.hooks.iter().filter(|hook| hook.trusted).count();
    let all = asking.hooks.len();
    (trusted < all || all == 0).then(|| format!("{trusted} of {all} webhooks have an authority to trust"))
}

#[cfg(test)]
mod tests {
    use stateful_cluster::guard::installed::{GuardReplica, GuardReplicas, GuardWebhook, WebhookRegistration};

    use super::{unanswering, untrusted};

    fn replica(pod: &str, ready: bool, waiting: Option<&str>) -> GuardReplica {
        GuardReplica {
            pod: pod.to_owned(),
            node: None,
            ready,
            since: None,
            image: "guard:1".to_owned(),
            waiting: waiting.map(ToOwned::to_owned),
        }
    }

    #[test]
    fn the_replica_that_is_missing_is_named_with_the_reason() {
        let pods = vec![replica("a", true, None), replica("b", false, Some("ImagePullBackOff"))];
        let mut replicas = GuardReplicas { wanted: 2, settled: false, pods };
        assert_eq!(unanswering(&replicas).as_deref(), Some("1 of 2 replicas are ready; b: ImagePullBackOff"));
        replicas.pods.push(replica("c", true, None));
        let said = unanswering(&replicas);
        assert_eq!(said.as_deref(), Some("2 replicas are ready, old ones included; b: ImagePullBackOff"));
        replicas.settled = true;
        assert_eq!(unanswering(&replicas), None);
    }

    #[test]
    fn no_webhook_at_all_is_not_trusted() {
        let hook = |trusted| GuardWebhook { name: "a".to_owned(), fails_closed: true, trusted, namespaces: None };
        let of = |hooks| untrusted(&WebhookRegistration { hooks, authorities: Vec::new() });
        assert!(of(Vec::new()).is_some());
        assert_eq!(of(vec![hook(true), hook(false)]).as_deref(), Some("1 of 2 webhooks have an authority to trust"));
        assert_eq!(of(vec![hook(true)]), None);
    }
}
