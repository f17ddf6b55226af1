//! The guard comes twice as it comes once, and goes without a trace.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stateful_harness::{Cluster, Guard, Namespace, Plugin, RedisCluster, until};

#[tokio::test]
async fn the_guard_comes_twice_as_once_and_goes_without_a_trace() -> Result<()> {
    let cluster = Cluster::find()?;
    let plugin = Plugin::find(&cluster)?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-goes").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    let before = bundles(&cluster).await?;
    ensure!(before.iter().all(|bundle| !bundle.is_empty()), "a webhook knows nobody to trust");
    let image = guard.pods().await?.first().context("a replica")?["spec"]["containers"][0]["image"].clone();
    let image = image.as_str().context("an image")?;
    let args = ["guard", "install", "--image", image, "--grant-secrets", namespace.name(), "-o", "json"];
    let again = plugin.run(&args).await?.expect(0)?.json()?;
    let changed = again.as_array().into_iter().flatten();
    let changed: Vec<&Value> = changed.filter(|line| !is_the_same(line)).collect();
    ensure!(changed.is_empty(), "installing again changed {changed:?}");
    ensure!(bundles(&cluster).await? == before, "installing again took the authorities away");
    plugin.run(&["guard", "status"]).await?.expect(0)?;

    // A promise, so that there is a Lease.
    let (_, replicas) = redis.shards().await?.into_iter().next().context("a shard")?;
    let pod = replicas.first().context("a replica of the shard")?;
    evict(&namespace, pod).await?;
    redis.in_sync(Duration::from_mins(2)).await?;
    plugin.run(&["guard", "uninstall", "--purge", "--yes"]).await?.expect(0)?;
    let left = left(&cluster).await?;
    ensure!(left.is_empty(), "this is left: {left:?}");
    let ended = plugin.run(&["guard", "status"]).await?.expect(3)?;
    ensure!(ended.stderr.contains("not installed"), "{ended}");

    // Nobody is asked any more, and nobody has to answer.
    let (primary, _) = redis.shards().await?.into_iter().next().context("a shard")?;
    evict(&namespace, &primary).await
}

/// Whether a line of an installation says that nothing has changed.
fn is_the_same(line: &Value) -> bool {
    ["unchanged", "used as it is"].iter().any(|same| line["result"] == *same)
}

/// Whom the API server trusts, webhook by webhook.
async fn bundles(cluster: &Cluster) -> Result<Vec<String>> {
    let told = cluster.get(&["validatingwebhookconfiguration", "stateful-guard"]).await?;
    let hooks = told["webhooks"].as_array().context("webhooks")?;
    Ok(hooks.iter().map(|hook| hook["clientConfig"]["caBundle"].as_str().unwrap_or_default().to_owned()).collect())
}

async fn evict(namespace: &Namespace, pod: &str) -> Result<()> {
    let name = namespace.name();
    let body = format!(
        "{{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{{\"name\":\"{pod}\",\"namespace\":\"{name}\"}}}}"
    );
    let path = format!("/api/v1/namespaces/{name}/pods/{pod}/eviction");
    until("an eviction passes", Duration::from_secs(30), async || {
        namespace.cluster().kubectl_with_input(&["create", "--raw", &path, "--filename", "-"], &body).await.map(drop)
    })
    .await
}

/// Everything that bears the guard's label, its name, or its mark.
async fn left(cluster: &Cluster) -> Result<Vec<String>> {
    let labelled = "crd,clusterroles,clusterrolebindings,mutatingwebhookconfigurations,validatingwebhookconfigurations,\
                    validatingadmissionpolicies,validatingadmissionpolicybindings,namespaces,serviceaccounts,roles,\
                    rolebindings,services,deployments,poddisruptionbudgets,configmaps,secrets,pods";
    let part = "app.kubernetes.io/part-of=stateful-guard";
    let mut left = names(cluster, &[labelled, "--selector", part]).await?;
    left.extend(names(cluster, &["namespaces,persistentvolumes", "--selector", "kubectl-stateful.dev/guard"]).await?);
    let own = ["leases,secrets", "--selector", "app.kubernetes.io/managed-by=kubectl-stateful"];
    let own = names(cluster, &own).await?.into_iter();
    // A claim on a database is no promise: it goes with the database.
    left.extend(own.filter(|name| name.contains("guard")));
    Ok(left)
}

async fn names(cluster: &Cluster, what: &[&str]) -> Result<Vec<String>> {
    let args = [&["get", "--all-namespaces", "--ignore-not-found", "-o", "name"], what].concat();
    Ok(cluster.kubectl(&args).await?.lines().map(ToOwned::to_owned).collect())
}
