//! Evictions of a database's members, one after another, under a guard.

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Engine, PodProcesses, until};

use super::SETTLED_WITHIN;

/// While one member is silent no other may go; once it answers again, the next one may.
pub(super) async fn a_guard_lets_one_member_go_at_a_time<E: Engine>(context: &mut Context) -> Result<()> {
    let guard = context.guard().await?;
    let database = context.database::<E>(E::VERSIONS.0).await?;
    let namespace = database.namespace();
    guard.watch(namespace).await?;
    let silent = database.dispensable_member().await?;
    let pods = database.pods().await?;
    let pod = pods.iter().find(|pod| pod.name == silent).context("it has a pod")?;
    let answered = namespace.evict_dry_run(&silent).await?;
    ensure!(answered.status == 201, "{silent} may go while all are in sync: {answered:?}");
    let frozen = PodProcesses::find(pod.node.as_deref().context("it has a node")?, &pod.uid)?.freeze()?;
    let others: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).filter(|name| *name != silent).collect();
    until("no other member may go", SETTLED_WITHIN, async || {
        for other in &others {
            let reply = namespace.evict_dry_run(other).await?;
            ensure!(reply.status == 429 && reply.body.contains("STF-"), "{other}: {reply:?}");
        }
        Ok(())
    })
    .await?;
    drop(frozen);
    until("the member may go again", SETTLED_WITHIN, async || {
        let reply = namespace.evict_dry_run(&silent).await?;
        ensure!(reply.status == 201, "{reply:?}");
        Ok(())
    })
    .await
}
