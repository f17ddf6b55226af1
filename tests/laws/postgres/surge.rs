//! An upgrade with `--surge`: a fourth member comes before any other is touched, and goes when all are done; its claim stays.

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Load, Postgres, note, nothing_lost};

use super::SETTLED_WITHIN;
use crate::every_engine::expect_version;

pub(super) async fn an_upgrade_with_a_surge_replica_ends_with_as_many_members_as_before_and_loses_nothing(
    context: &mut Context,
) -> Result<()> {
    let postgres = context.database::<Postgres>("15.18").await?;
    let namespace = postgres.namespace();
    let plugin = context.plugin(namespace)?;
    let load = Load::start(&postgres.endpoint().await?).await?;

    let upgrade = ["upgrade", "postgres", "--version", "15.20", "--surge", "-y", "-o", "json"];
    let ended = plugin.run(&upgrade).await?.expect(0)?;
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("it took {:?}: {during:?}\n{}", ended.took, audit.errors.join("\n"));
    nothing_lost(&audit)?;
    for words in ["add postgres-3", "remove postgres-3", "claim data-postgres-3 stays behind"] {
        ensure!(ended.stderr.contains(words), "\"{words}\" is not reported:\n{ended}");
    }
    let at = |words: &str| ended.stderr.rfind(words).with_context(|| format!("{words:?} is not reported"));
    ensure!(at("add postgres-3")? < at("replace postgres-1")?, "it was not added first:\n{ended}");
    ensure!(at("replace postgres-0")? < at("remove postgres-3")?, "it was not removed last:\n{ended}");
    namespace.get(&["persistentvolumeclaim", "data-postgres-3"]).await.context("its claim is gone")?;
    postgres.in_sync(SETTLED_WITHIN).await?; // three members
    expect_version(&postgres, "15.20").await?;
    let checked = plugin.run(&["check", "postgres", "--canary"]).await?.expect(0)?;
    ensure!(checked.stdout.contains("writes acknowledged and read back"), "the canary did not write:\n{checked}");
    Ok(())
}
