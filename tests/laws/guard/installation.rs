//! The guard is installed and uninstalled.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use stateful_harness::{Cluster, Context, Deployment, Namespace, Plugin, Primaries, RedisCluster, until};

/// An eviction passes as soon as the guard knows that all members are in sync.
const EVICTED_WITHIN: Duration = Duration::from_secs(30);

/// A replica that was evicted comes back and follows its master.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

pub(super) async fn the_guard_is_installed_twice_as_once_and_uninstalled_without_a_trace(
    context: &mut Context,
) -> Result<()> {
    let guard = context.own_guard().await?;
    let plugin = Plugin::find(context.cluster())?;
    let redis = context.database::<RedisCluster>("7.0").await?;
    let namespace = redis.namespace();
    guard.watch(namespace).await?;
    let cluster = context.cluster();
    let before = ca_bundles(cluster).await?;
    ensure!(before.iter().all(|bundle| !bundle.is_empty()), "a webhook has no authority to trust");
    let image = guard.pods().await?.first().context("a replica")?["spec"]["containers"][0]["image"].clone();
    let image = image.as_str().context("an image")?;
    let args = ["guard", "install", "--image", image, "--grant-secrets", namespace.name(), "-o", "json"];
    let again = plugin.run(&args).await?.expect(0)?.json()?;
    let changed: Vec<&Value> = again.as_array().into_iter().flatten().filter(|line| !is_unchanged(line)).collect();
    ensure!(changed.is_empty(), "installing again changed {changed:?}");
    ensure!(ca_bundles(cluster).await? == before, "installing again removed the authorities");
    plugin.run(&["guard", "status"]).await?.expect(0)?;

    // An eviction, so that there is a Lease with a reservation.
    until_evicted(namespace, &redis.replica().await?).await?;
    redis.in_sync(SETTLED_WITHIN).await?;
    plugin.run(&["guard", "uninstall", "--purge", "--yes"]).await?.expect(0)?;
    let left = left(cluster).await?;
    ensure!(left.is_empty(), "this is left: {left:?}");
    let ended = plugin.run(&["guard", "status"]).await?.expect(3)?;
    ensure!(ended.stderr.contains("not installed"), "{ended}");

    // No webhook is asked any more, so nothing refuses.
    until_evicted(namespace, &redis.primaries().await?[0]).await
}

/// Whether a line of an installation reports no change.
fn is_unchanged(line: &Value) -> bool {
    ["unchanged", "used as it is"].iter().any(|same| line["result"] == *same)
}

/// The authorities that the API server trusts, webhook by webhook.
async fn ca_bundles(cluster: &Cluster) -> Result<Vec<String>> {
    let configuration = cluster.get(&["validatingwebhookconfiguration", "stateful-guard"]).await?;
    let webhooks = configuration["webhooks"].as_array().context("webhooks")?;
    Ok(webhooks.iter().map(|hook| hook["clientConfig"]["caBundle"].as_str().unwrap_or_default().to_owned()).collect())
}

async fn until_evicted(namespace: &Namespace, pod: &str) -> Result<()> {
    until("an eviction passes", EVICTED_WITHIN, async || {
        let reply = namespace.evict(pod).await?;
        ensure!(reply.status == 201, "{reply:?}");
        Ok(())
    })
    .await
}

/// Everything that bears the guard's label or name.
async fn left(cluster: &Cluster) -> Result<Vec<String>> {
    let labelled = "crd,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations,\
                    validatingadmissionpolicies,validatingadmissionpolicybindings,namespaces,serviceaccounts,roles,\
                    rolebindings,services,deployments,poddisruptionbudgets,configmaps,secrets,pods";
    let part = "app.kubernetes.io/part-of=stateful-guard";
    let mut left = names(cluster, &[labelled, "--selector", part]).await?;
    left.extend(names(cluster, &["namespaces,persistentvolumes", "--selector", "kubectl-stateful.dev/guard"]).await?);
    let own = ["leases,secrets", "--selector", "app.kubernetes.io/managed-by=kubectl-stateful"];
    let own = names(cluster, &own).await?.into_iter();
    // An operation lock is not the guard's: it goes with its database.
    left.extend(own.filter(|name| name.contains("guard")));
    Ok(left)
}

async fn names(cluster: &Cluster, what: &[&str]) -> Result<Vec<String>> {
    let args = [&["get", "--all-namespaces", "--ignore-not-found", "-o", "name"], what].concat();
    Ok(cluster.kubectl(&args).await?.lines().map(ToOwned::to_owned).collect())
}
