//! What a policy makes of a refusal: meant, told, noted, or not for everybody.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Guard, KubectlDrain, KubectlProxy, Namespace, RedisCluster, Reply, until};

/// A policy reaches both replicas of the guard by their watches.
const REACHES_ALL_WITHIN: Duration = Duration::from_secs(15);

/// So often in a row both replicas will have been asked.
const IN_A_ROW: usize = 8;

#[tokio::test]
async fn a_policy_says_whether_refusals_are_meant_and_for_whom() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-modes").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    let proxy = KubectlProxy::start(&cluster).await?;
    let (primary, _) = redis.shards().await?.into_iter().next().context("there is no shard")?;

    let tells = |reply: &Reply| reply.warnings.iter().any(|line| line.contains("STF-DB-007"));
    always(&proxy, &namespace, &primary, |reply| reply.status == 429).await.context("without a policy")?;
    guard.policy(&namespace, "\"mode\":\"Warn\"").await?;
    always(&proxy, &namespace, &primary, |reply| reply.status == 201 && tells(reply)).await.context("Warn")?;
    guard.policy(&namespace, "\"mode\":\"Audit\"").await?;
    always(&proxy, &namespace, &primary, |reply| reply.status == 201 && !tells(reply)).await.context("Audit")?;
    guard.policy(&namespace, "\"exemptUsers\":[\"somebody-else\"]").await?;
    always(&proxy, &namespace, &primary, |reply| reply.status == 429).await.context("another is exempt")?;
    let user = cluster.kubectl(&["auth", "whoami", "--output", "jsonpath={.status.userInfo.username}"]).await?;
    guard.policy(&namespace, &format!("\"exemptUsers\":[\"{}\"]", user.trim())).await?;
    always(&proxy, &namespace, &primary, |reply| reply.status == 201 && !tells(reply)).await.context("exempt")?;
    guard.forget_policy(&namespace).await
}

#[tokio::test]
async fn with_on_cordon_deny_a_node_with_a_primary_is_not_cordoned() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-cordon").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    let (primary, _) = redis.shards().await?.into_iter().next().context("there is no shard")?;
    let pods = redis.pods().await?;
    let node = pods.iter().find(|pod| pod.name == primary).and_then(|pod| pod.node.clone()).context("a node")?;

    guard.policy(&namespace, "\"onCordon\":\"Deny\"").await?;
    // `kubectl cordon` prints a refusal and ends with 0; a patch ends as it ended.
    let cordon = ["patch", "node", &node, "--dry-run=server", "--patch", "{\"spec\":{\"unschedulable\":true}}"];
    until("both replicas refuse the cordon", REACHES_ALL_WITHIN, async || {
        for _ in 0..IN_A_ROW {
            let Err(error) = cluster.kubectl(&cordon).await else { anyhow::bail!("it was cordoned") };
            ensure!(format!("{error:#}").contains("STF-DB-007"), "{error:#}");
        }
        Ok(())
    })
    .await?;
    cluster.kubectl(&["cordon", &node]).await?;
    let unschedulable = cluster.get(&["node", &node]).await?["spec"]["unschedulable"].clone();
    guard.forget_policy(&namespace).await?;
    ensure!(unschedulable.is_null(), "the node is cordoned");
    until("without the policy it is cordoned again", REACHES_ALL_WITHIN, async || {
        cluster.kubectl(&["cordon", &node]).await?;
        ensure!(cluster.get(&["node", &node]).await?["spec"]["unschedulable"] == true, "it is not");
        Ok(())
    })
    .await?;
    KubectlDrain::uncordon(&cluster, &node).await
}

/// Asks, with dry runs, until the answer has been the wanted one so often in a row that every replica has given it.
async fn always(proxy: &KubectlProxy, namespace: &Namespace, pod: &str, wanted: impl Fn(&Reply) -> bool) -> Result<()> {
    until("both replicas answer by the policy", REACHES_ALL_WITHIN, async || {
        for _ in 0..IN_A_ROW {
            let reply = proxy.evict(namespace, pod, true).await?;
            ensure!(wanted(&reply), "{reply:?}");
        }
        Ok(())
    })
    .await
}
