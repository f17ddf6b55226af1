//! The machine that runs the plugin dies.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use stateful_harness::{Context, Engine, Load, Plugin, Running, note};

use super::{SETTLED_WITHIN, expect_version};

/// Killed at the beginning of each step, once. Each time `resume` goes on until the next step that was not killed before.
pub(super) async fn killed_at_each_step_resume_finishes_and_loses_nothing<E: Engine>(
    context: &mut Context,
) -> Result<()> {
    let (from, to) = E::VERSIONS;
    let database = context.database::<E>(from).await?;
    let plugin = context.plugin(database.namespace())?;
    let load = Load::start(&database.endpoint().await?).await?;
    kill_at_each_step(
        &plugin,
        &["upgrade", E::TARGET, "--image", &E::image(to)],
        &["resume", E::TARGET],
        E::UPGRADE_STEPS,
    )
    .await?;
    let during = load.take_figures();
    expect_version(&database, to).await?;
    let audit = load.stop().await?;
    note!("{during:?}\n{}", audit.errors.join("\n"));
    E::WRITES.judge(&during, &audit)?;
    database.expect_same_everywhere(SETTLED_WITHIN).await
}

/// Kills an operation at the beginning of each of its steps, once, and resumes it; until it ends well. It has so many steps at least.
async fn kill_at_each_step(plugin: &Plugin, begin: &[&str], resume: &[&str], steps: usize) -> Result<()> {
    let start = |words: &[&str]| plugin.start(&[words, &["-y", "--progress=json"]].concat());
    let mut killed_at = BTreeSet::new();
    let mut running = start(begin)?;
    while let Some(step) = next_new_step(&mut running, &killed_at).await? {
        running.kill().await?;
        note!("killed at: {step}");
        killed_at.insert(step);
        ensure!(killed_at.len() <= 2 * steps, "it does not end: {killed_at:?}");
        running = start(resume)?;
    }
    running.end().await?.expect(0).context("the last resume")?;
    ensure!(killed_at.len() >= steps, "these are not all the steps: {killed_at:?}");
    Ok(())
}

/// The next step that begins and is not in the set.
pub(crate) async fn next_new_step(running: &mut Running, seen: &BTreeSet<String>) -> Result<Option<String>> {
    let text = |event: &Value| event["text"].as_str().unwrap_or_default().to_owned();
    let is_new = |event: &Value| event["event"] == "stepStarted" && !seen.contains(&text(event));
    Ok(running.event(is_new).await?.as_ref().map(text))
}
