//! The guard itself goes away.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Drain, GUARD_NAMESPACE, Guard, Load, RedisCluster, until};

use crate::drains::{a_primary, nothing_failed};

const BACK_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn without_the_guard_guarded_evictions_are_refused_and_all_else_works() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let guarded = cluster.namespace("guard-outage").await?;
    let free = cluster.namespace("guard-free").await?;
    let redis = RedisCluster::deploy(&guarded, "7.0").await?;
    guard.watches(&guarded).await?;
    let pause = "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"one\"},\"spec\":{\"containers\":\
                 [{\"name\":\"one\",\"image\":\"localhost/stateful/pause:1\"}]}}";
    free.create(pause).await?;
    free.kubectl(&["wait", "pod/one", "--for", "condition=Ready", "--timeout", "60s"]).await?;

    let scale = async |replicas: &str| {
        let args = ["scale", "deployment", "stateful-guard", "--namespace", GUARD_NAMESPACE, "--replicas", replicas];
        cluster.kubectl(&args).await
    };
    scale("0").await?;
    guard.ready(0).await?;
    let asked = async {
        let (_, replicas) = redis.shards().await?.into_iter().next().context("a shard")?;
        let replica = replicas.first().context("a replica")?;
        let refused = evict(&cluster, guarded.name(), replica).await;
        let why = refused.err().context("an eviction passed with nobody to judge it")?.to_string();
        ensure!(why.contains("failed calling webhook") || why.contains("no endpoints"), "{why}");
        evict(&cluster, free.name(), "one").await.context("an eviction elsewhere")?;
        guarded.kubectl(&["create", "configmap", "anything"]).await.context("another object in the namespace")
    }
    .await;
    scale("2").await?;
    asked?;
    guard.ready(2).await?;
    until("a replica may be evicted again", BACK_WITHIN, async || {
        let (_, replicas) = redis.shards().await?.into_iter().next().context("a shard")?;
        let body = dry(guarded.name(), replicas.first().context("a replica")?);
        let path = format!("/api/v1/namespaces/{}/pods/{}/eviction", guarded.name(), replicas[0]);
        cluster.kubectl_with_input(&["create", "--raw", &path, "--filename", "-"], &body).await.map(drop)
    })
    .await
}

#[tokio::test]
async fn a_replica_killed_under_load_allows_nothing_wrong_and_explains_every_answer() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-killed").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    let (primary, _) = a_primary(&redis).await?;
    let path = format!("/api/v1/namespaces/{}/pods/{primary}/eviction", namespace.name());
    let body = dry(namespace.name(), &primary);
    let victim = guard.pods().await?.first().and_then(|pod| pod["metadata"]["name"].as_str().map(ToOwned::to_owned));
    let victim = victim.context("a replica of the guard")?;
    let mut answers = (0_u32, 0_u32);
    for number in 0..120 {
        if number == 20 {
            let kill = ["delete", "pod", &victim, "--namespace", GUARD_NAMESPACE, "--grace-period", "0", "--force"];
            cluster.kubectl(&kill).await?;
        }
        // A primary is never let go, whoever answers.
        let told = cluster.kubectl_with_input(&["create", "--raw", &path, "--filename", "-"], &body).await;
        let why = told.err().context("a primary was allowed to go")?.to_string();
        if why.contains("STF-DB-007") {
            answers.0 += 1;
        } else {
            // What the API server says when a connection to a pod that is gone breaks: fails closed, and says so.
            ensure!(why.contains("failed calling webhook"), "an answer nobody can explain: {why}");
            answers.1 += 1;
        }
    }
    ensure!(answers.0 >= 100, "{} were answered, {} were not", answers.0, answers.1);
    guard.ready(2).await
}

#[tokio::test]
async fn the_guards_own_node_can_be_drained() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-moves").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, "\"onEviction\":\"HandOver\"").await?;
    let load = Load::start(&redis).await?;
    let node = guard.pods().await?.first().and_then(|pod| pod["spec"]["nodeName"].as_str().map(ToOwned::to_owned));
    let node = node.context("the guard runs on a node")?;
    let flags = ["--pod-selector", "app.kubernetes.io/name in (redis, stateful-guard)"];
    let drained = Drain::start(&cluster, &node, &flags)?.finish(Duration::from_mins(4)).await;
    Drain::uncordon(&cluster, &node).await?;
    drained?;
    guard.ready(2).await?;
    let during = load.turn_page();
    guard.forget_policy(&namespace).await?;
    nothing_failed(&during, &load.stop().await?)
}

fn dry(namespace: &str, pod: &str) -> String {
    format!(
        "{{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\"metadata\":{{\"name\":\"{pod}\",\"namespace\":\"{namespace}\"}},\
         \"deleteOptions\":{{\"dryRun\":[\"All\"]}}}}"
    )
}

async fn evict(cluster: &Cluster, namespace: &str, pod: &str) -> Result<()> {
    let body = dry(namespace, pod).replace(",\"deleteOptions\":{\"dryRun\":[\"All\"]}", "");
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    cluster.kubectl_with_input(&["create", "--raw", &path, "--filename", "-"], &body).await.map(drop)
}
