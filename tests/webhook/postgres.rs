//! PostgreSQL under guard: plain `kubectl drain` of its primary's node, while eight writers come by the Service.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stateful_harness::{Cluster, Guard, KubectlDrain, KubectlProxy, Load, Plugin, Postgres, nothing_lost, until};

/// A handover, an eviction, and a drain that asks every five seconds; the pod's own end may take a minute.
const DRAINED_WITHIN: Duration = Duration::from_mins(3);

/// A drain asks every five seconds: after this it has asked and was refused.
const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// A pod and its volume on another node, and what it missed.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_drain_of_a_postgres_primary_waits_until_somebody_hands_over_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-postgres-waits").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    guard.watches(&namespace).await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;
    let (primary, node) = its_primary(&postgres).await?;

    let mut drain = KubectlDrain::start(&cluster, &node, &[])?;
    let moved = async {
        let name = namespace.name();
        let words = [
            format!("{primary} of {name}/postgres may not be evicted now"),
            "(STF-DB-007)".to_owned(),
            format!("kubectl stateful switchover postgres -n {name} --from {primary}"),
            "will retry after 5s".to_owned(),
        ];
        for word in words {
            drain.prints(&word, ASKED_WITHIN).await?;
        }
        ensure!(
            postgres.primary().await? == primary && drain.is_running()?,
            "somebody has moved it:\n{}",
            drain.printed()
        );
        // Nothing but the drain has happened so far, and it was refused.
        let waited = load.take_figures();
        ensure!(waited.failed + waited.unknown == 0, "a refused eviction cost writes: {waited:?}");
        // As the refusal says.
        plugin.run(&["switchover", "postgres", "--from", &primary, "-y"]).await?.expect(0)?;
        drain.finish(DRAINED_WITHIN).await
    }
    .await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    moved?;
    is_left(&postgres, &primary, &node).await?;
    nothing_lost(&load.stop().await?)
}

#[tokio::test]
async fn with_handover_a_drain_of_a_postgres_primary_finishes_alone_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-postgres-hands-over").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    guard.watches(&namespace).await?;
    guard.policy(&namespace, "\"onEviction\":\"HandOver\"").await?;
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;
    let (primary, node) = its_primary(&postgres).await?;
    let drained = KubectlDrain::start(&cluster, &node, &[])?.finish(DRAINED_WITHIN).await;
    // kubectl asks by name: whoever is late would evict the pod where it lives now.
    let late = KubectlProxy::start(&cluster).await?.evict(&namespace, &primary, false).await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    guard.forget_policy(&namespace).await?;
    let said = drained?;
    ensure!(said.contains("the guard hands over"), "the drain was not told who moves it:\n{said}");
    let late = late?;
    ensure!(late.status == 404 && late.body.contains("it has moved"), "{late:?}");
    is_left(&postgres, &primary, &node).await?;
    let history = Plugin::find(&cluster)?.within(&namespace).run(&["history", "postgres", "-o", "json"]).await?;
    let leader = guard.leader().await?["metadata"]["name"].clone();
    let all = history.expect(0)?.json()?;
    let ours =
        |entry: &Value| entry["verb"] == "guard handover" && entry["by"] == leader && entry["state"] == "finished";
    ensure!(all.as_array().is_some_and(|all| all.iter().any(ours)), "no journal says that {leader} handed over: {all}");
    nothing_lost(&load.stop().await?)
}

/// Its primary, and that one's node.
pub(crate) async fn its_primary(postgres: &Postgres) -> Result<(String, String)> {
    let primary = postgres.primary().await?;
    let node = postgres.pods().await?.into_iter().find(|pod| pod.name == primary).and_then(|pod| pod.node);
    Ok((primary, node.context("it has no node")?))
}

/// It leads no more and lives elsewhere, all are in sync, and clients are led to whoever leads.
pub(crate) async fn is_left(postgres: &Postgres, primary: &str, node: &str) -> Result<()> {
    postgres.in_sync(SETTLED_WITHIN).await?;
    let leads = postgres.primary().await?;
    ensure!(leads != primary, "{primary} leads again");
    let there = postgres.pods().await?.into_iter().filter(|pod| pod.node.as_deref() == Some(node)).count();
    ensure!(there == 0, "{there} members are still on {node}");
    clients_reach(postgres, &leads).await
}

/// The Service leads to this member.
async fn clients_reach(postgres: &Postgres, primary: &str) -> Result<()> {
    until("clients are led to the primary", ASKED_WITHIN, async || {
        let selected = postgres.selected_by_service().await?;
        ensure!(selected == primary, "clients are led to {selected}, and {primary} leads");
        Ok(())
    })
    .await
}
