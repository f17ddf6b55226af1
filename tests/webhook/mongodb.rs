//! MongoDB under guard: plain `kubectl drain` of its primary's node, while eight writers go on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Guard, KubectlDrain, Load, Mongodb, Plugin, nothing_failed};

/// A handover, an eviction, 15 s in which a member that was ended lets its clients go, and a drain that asks every five
/// seconds.
const DRAINED_WITHIN: Duration = Duration::from_mins(3);

/// A drain asks every five seconds: after this it has asked and was refused.
const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// A pod and its volume on another node, and what it missed.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_drain_of_a_mongodb_primary_waits_until_somebody_hands_over_and_fails_no_write() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-mongodb-waits").await?;
    let mongodb = Mongodb::deploy(&namespace, "6.0").await?;
    guard.watches(&namespace).await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&mongodb.endpoint()).await?;
    let (primary, node) = its_primary(&mongodb).await?;

    let mut drain = KubectlDrain::start(&cluster, &node, &[])?;
    let moved = async {
        let name = namespace.name();
        let hint = format!("kubectl stateful switchover mongo -n {name} --from {primary}");
        for word in ["(STF-DB-007)", &hint, "will retry after 5s"] {
            drain.prints(word, ASKED_WITHIN).await?;
        }
        ensure!(
            mongodb.primary().await? == primary && drain.is_running()?,
            "somebody has moved it:\n{}",
            drain.printed()
        );
        // As the refusal says.
        plugin.run(&["switchover", "mongo", "--from", &primary, "-y"]).await?.expect(0)?;
        drain.finish(DRAINED_WITHIN).await
    }
    .await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    moved?;
    is_left(&mongodb, load, &primary, &node).await
}

#[tokio::test]
async fn with_handover_a_drain_of_a_mongodb_primary_finishes_alone_and_fails_no_write() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-mongodb-hands-over").await?;
    let mongodb = Mongodb::deploy(&namespace, "6.0").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, "\"onEviction\":\"HandOver\"").await?;
    let load = Load::start(&mongodb.endpoint()).await?;
    let (primary, node) = its_primary(&mongodb).await?;
    let drained = KubectlDrain::start(&cluster, &node, &[])?.finish(DRAINED_WITHIN).await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    guard.forget_policy(&namespace).await?;
    let said = drained?;
    ensure!(said.contains("the guard hands over"), "the drain was not told who moves it:\n{said}");
    is_left(&mongodb, load, &primary, &node).await
}

async fn its_primary(mongodb: &Mongodb) -> Result<(String, String)> {
    let primary = mongodb.primary().await?;
    let node = mongodb.pods().await?.into_iter().find(|pod| pod.name == primary).and_then(|pod| pod.node);
    Ok((primary, node.context("it has no node")?))
}

/// It leads no more and lives elsewhere, all are in sync, and no write has failed.
async fn is_left(mongodb: &Mongodb, load: Load, primary: &str, node: &str) -> Result<()> {
    mongodb.in_sync(SETTLED_WITHIN).await?;
    let leads = mongodb.primary().await?;
    ensure!(leads != primary, "{primary} leads again");
    let there = mongodb.pods().await?.into_iter().filter(|pod| pod.node.as_deref() == Some(node)).count();
    ensure!(there == 0, "{there} members are still on {node}");
    let during = load.take_figures();
    eprintln!("{primary} has left {node}: {during:?}");
    nothing_failed(&during, &load.stop().await?)
}
