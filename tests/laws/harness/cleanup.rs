//! A law that fails leaves the cluster as it was: proven by one that fails on purpose, after it has changed everything that laws change.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use stateful_harness::{Cluster, Context, Deployment, Guard, Namespace, RedisReplication, end_slow_pod, slow_pod};

pub(super) async fn a_law_that_fails_in_the_middle_leaves_nothing_behind(context: &mut Context) -> Result<()> {
    let guard = context.own_guard().await?;
    context.nodes().await?;
    let redis = context.database::<RedisReplication>("7.0").await?;
    let (namespace, pod) = (redis.namespace().clone(), redis.pods().await?.remove(0));
    let (node, address) = (pod.node.context("it has a node")?, pod.address.context("it has an address")?);
    let changed = Changed { namespace: &namespace, node: &node };
    let inner = context
        .prove_within(async |context| {
            guard.watch(&namespace).await?;
            let _ = guard.policy(&namespace, &json!({"mode": "Warn"})).await?;
            let _ = context.uncordon_afterwards(&node);
            context.cluster().kubectl(&["cordon", &node]).await?;
            let slowed = node.clone();
            let _ =
                context.undo_afterwards("the pod receives at full speed", async move { end_slow_pod(&slowed).await });
            slow_pod(&node, &address, "6000").await?;
            let _ = guard.scale(0).await?;
            changed.expect(context.cluster(), &guard, true).await.context("before it fails")?;
            bail!("it fails on purpose")
        })
        .await;
    let why = inner.err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(why == "it fails on purpose", "it failed otherwise: {why}");
    changed.expect(context.cluster(), &guard, false).await.context("after it has failed")
}

/// What the law that fails changes.
struct Changed<'a> {
    namespace: &'a Namespace,
    node: &'a str,
}

impl Changed<'_> {
    /// Fails unless all of it is changed, or none.
    async fn expect(&self, cluster: &Cluster, guard: &Guard, changed: bool) -> Result<()> {
        let namespace = cluster.get(&["namespace", self.namespace.name()]).await?;
        let is_guarded = namespace["metadata"]["labels"]["kubectl-stateful.dev/guard"] == "enabled";
        let has_policy = cluster.get(&["disruptionpolicy", self.namespace.name()]).await.is_ok();
        let is_cordoned = cluster.get(&["node", self.node]).await?["spec"]["unschedulable"] == true;
        let is_slow = stateful_harness::is_slow(self.node).await?;
        let is_gone = guard.pods().await?.is_empty();
        let found = [is_guarded, has_policy, is_cordoned, is_slow, is_gone];
        ensure!(found == [changed; 5], "guarded, policy, cordoned, slow, without a guard: {found:?}");
        Ok(())
    }
}
