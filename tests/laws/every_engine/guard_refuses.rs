//! Plain `kubectl drain` of a primary's node, by an operator who knows nothing of databases, under a guard that refuses.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Context, KubectlDrain, Load, Primaries, note, until};

use super::{SETTLED_WITHIN, expect_left, node_of};

/// A drain asks every five seconds: after this it has asked and was refused.
pub(crate) const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// An eviction, and a pod that comes back elsewhere and in sync, for each member of a node; the drain asks every five seconds.
pub(crate) const DRAINED_WITHIN: Duration = Duration::from_mins(4);

pub(super) async fn a_drain_of_a_primary_waits_until_an_operator_switches_over<E: Primaries>(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let database = context.database::<E>(E::VERSIONS.0).await?;
    let namespace = database.namespace();
    guard.watch(namespace).await?;
    let plugin = context.plugin(namespace)?;
    context.nodes().await?;
    let load = Load::start(&database.endpoint().await?).await?;
    let primary = database.primaries().await?.remove(0);
    let node = node_of(&database, &primary).await?;

    let cordon = context.uncordon_afterwards(&node);
    let mut drain = KubectlDrain::start(namespace, &node)?;
    let (name, target) = (namespace.name(), E::TARGET);
    for words in [
        format!("{primary} of {name}/{target} may not be evicted now"),
        "(STF-DB-007)".to_owned(),
        format!("kubectl stateful switchover {target} -n {name} --from {primary}"),
        "will retry after 5s".to_owned(),
    ] {
        drain.prints(&words, ASKED_WITHIN).await?;
    }
    // A replica on that node is on its way elsewhere, and may not answer yet.
    let primaries = until("all members answer", ASKED_WITHIN, async || database.primaries().await).await?;
    let unmoved = primaries.contains(&primary);
    ensure!(unmoved && drain.is_running()?, "the primary was moved:\n{}", drain.printed());
    // So far nothing has happened but the drain; only replicas may have gone.
    let refused = load.take_figures();
    ensure!(refused.failed + refused.unknown == 0, "a refused eviction cost writes: {refused:?}");
    // As the refusal recommends, for each primary that is on the node. A replica there may be on its way elsewhere.
    let there = async || {
        let mut there = Vec::new();
        for primary in database.primaries().await? {
            if node_of(&database, &primary).await? == node {
                there.push(primary);
            }
        }
        anyhow::Ok(there)
    };
    for primary in until("all members answer", ASKED_WITHIN, there).await? {
        until("the switchover succeeds", ASKED_WITHIN, async || {
            plugin.run(&["switchover", target, "--from", &primary, "-y"]).await?.expect(0).map(drop)
        })
        .await?;
    }
    drain.finish(DRAINED_WITHIN).await?;
    cordon.now().await?;
    database.in_sync(SETTLED_WITHIN).await?;
    expect_left(&database, &node).await?;
    ensure!(!database.primaries().await?.contains(&primary), "{primary} is primary again");
    database.expect_routed().await?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("{primary} has left {node}: {during:?}");
    E::WRITES.judge(&during, &audit)
}
