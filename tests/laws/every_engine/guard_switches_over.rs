//! The same drain under a policy by which the guard switches over itself.

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{Context, KubectlDrain, Load, Primaries, note};

use super::guard_refuses::DRAINED_WITHIN;
use super::{SETTLED_WITHIN, expect_left, node_of};

pub(super) async fn with_handover_a_drain_of_a_primary_finishes_alone<E: Primaries>(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let database = context.database::<E>(E::VERSIONS.0).await?;
    let namespace = database.namespace();
    guard.watch(namespace).await?;
    let _ = guard.policy(namespace, &json!({"onEviction": "HandOver"})).await?;
    context.nodes().await?;
    let load = Load::start(&database.endpoint().await?).await?;
    let primary = database.primaries().await?.remove(0);
    let node = node_of(&database, &primary).await?;

    let cordon = context.uncordon_afterwards(&node);
    let printed = KubectlDrain::start(namespace, &node)?.finish(DRAINED_WITHIN).await?;
    // kubectl evicts by name: a late request would evict the pod where it is now.
    let late = namespace.evict(&primary).await?;
    cordon.now().await?;
    ensure!(printed.contains("the guard is switching over"), "the drain was not told who moves it:\n{printed}");
    ensure!(late.status == 404 && late.body.contains("it has moved"), "{late:?}");
    database.in_sync(SETTLED_WITHIN).await?;
    expect_left(&database, &node).await?;
    let primaries = database.primaries().await?;
    // A shard has one replica: one that is on the same node takes over, and gives the role back before it leaves as well.
    ensure!(primaries.len() > 1 || !primaries.contains(&primary), "{primary} is primary again");
    database.expect_routed().await?;
    let history = context.plugin(namespace)?.run(&["history", E::TARGET, "-o", "json"]).await?.expect(0)?.json()?;
    let leader = guard.leader().await?["metadata"]["name"].clone();
    let switched_over =
        |entry: &Value| entry["verb"] == "guard handover" && entry["by"] == leader && entry["state"] == "finished";
    let recorded = history.as_array().is_some_and(|entries| entries.iter().any(switched_over));
    ensure!(recorded, "no journal records the switchover by {leader}: {history}");
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("{primary} has left {node}: {during:?}");
    E::WRITES.judge(&during, &audit)
}
