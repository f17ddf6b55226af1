//! The plugin is killed in a switchover: once when the journal has recorded its beginning, and once when writers notice it, while there is
//! no primary.

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Load, Postgres, note, nothing_lost};

use super::SETTLED_WITHIN;
use super::writes::{until_writes_flow, until_writes_stall};

pub(super) async fn a_switchover_killed_twice_is_resumed_with_one_primary_and_loses_nothing(
    context: &mut Context,
) -> Result<()> {
    let postgres = context.database::<Postgres>("15.18").await?;
    let plugin = context.plugin(postgres.namespace())?;
    let load = Load::start(&postgres.endpoint().await?).await?;

    // Each time to a member whose container has not ended yet: kubelet would delay its second restart.
    let first = postgres.primary().await?;
    let pods = postgres.pods().await?;
    let successors = pods.iter().map(|pod| pod.name.as_str()).filter(|name| *name != first);
    let mut during = load.take_figures();
    for (successor, in_the_pause) in successors.zip([false, true]) {
        let mut running = plugin.start(&["switchover", "postgres", "--to", successor, "-y", "--progress=json"])?;
        running.switchover_started().await?;
        if in_the_pause {
            during = until_writes_stall(&load, during).await?;
        }
        running.kill().await?;
        note!("killed; the primary: {:?}", postgres.primary().await);
        let ended = plugin.run(&["resume", "postgres", "-y"]).await?.expect(0)?;
        postgres.in_sync(SETTLED_WITHIN).await?;
        ensure!(postgres.primary().await? == successor, "{successor} is not primary:\n{ended}");
        postgres.expect_routed().await?;
        during = until_writes_flow(&load, during, SETTLED_WITHIN, false).await?;
        note!("resumed in {:?}:\n{ended}", ended.took);
    }
    let during = load.take_figures().combine(&during);
    let audit = load.stop().await?;
    note!("killed twice: {during:?}\n{}", audit.errors.join("\n"));
    nothing_lost(&audit)
}
