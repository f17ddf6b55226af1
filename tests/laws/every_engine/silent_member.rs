//! A member that accepts connections and answers none.

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Engine, ObjectVersions, PodProcesses};

/// A member that does not answer.
const REASON: &str = "STF-DB-004";

pub(super) async fn a_silent_member_is_refused_and_nothing_is_touched<E: Engine>(context: &mut Context) -> Result<()> {
    let database = context.database::<E>(E::VERSIONS.0).await?;
    let plugin = context.plugin(database.namespace())?;
    let silent = database.dispensable_member().await?;
    let pods = database.pods().await?;
    let pod = pods.iter().find(|pod| pod.name == silent).context("it has a pod")?;
    let frozen = PodProcesses::find(pod.node.as_deref().context("it has a node")?, &pod.uid)?.freeze()?;
    // Kubelet may notice it too, and controllers count what is ready.
    let before = ObjectVersions::read_without_status(database.namespace()).await?;
    let image = E::image(E::VERSIONS.1);
    let refused = plugin.run(&["upgrade", E::TARGET, "--image", &image, "-y"]).await?.expect(3)?;
    ensure!(refused.stderr.contains(REASON), "{REASON} is not reported:\n{refused}");
    before.expect_unchanged(database.namespace()).await?;
    drop(frozen);
    Ok(())
}
