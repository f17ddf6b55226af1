//! The machine that runs the plugin dies.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stateful_harness::{Cluster, Load, Plugin, RedisCluster, Running, image, nothing_failed};

/// Six members are replaced, three hand over, and three steps are about the StatefulSet.
const STEPS: usize = 12;

/// Killed at the beginning of each step, once. Each time `resume` goes on until the next step nobody has died at.
#[tokio::test]
async fn killed_at_each_step_resume_finishes_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-deaths").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&redis.endpoint()).await?;

    die_at_each_step(&plugin, &["upgrade", "redis", "--image", &image("8.0")], &["resume", "redis"], STEPS).await?;

    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)?;
    for pod in redis.pods().await? {
        ensure!(pod.image == image("8.0"), "{} still runs {}", pod.name, pod.image);
    }
    Ok(())
}

/// Kills an operation at the beginning of each of its steps, once, and has it resumed; until it ends well. There are so many
/// steps at least.
pub(crate) async fn die_at_each_step(plugin: &Plugin, begin: &[&str], resume: &[&str], steps: usize) -> Result<()> {
    let start = |words: &[&str]| plugin.start(&[words, &["-y", "--progress=json"]].concat());
    let mut died_at = BTreeSet::new();
    let mut running = start(begin)?;
    while let Some(step) = new_step(&mut running, &died_at).await? {
        running.kill().await?;
        eprintln!("killed at: {step}");
        died_at.insert(step);
        ensure!(died_at.len() <= 2 * steps, "there is no end to it: {died_at:?}");
        running = start(resume)?;
    }
    running.end().await?.expect(0).context("the last resume")?;
    ensure!(died_at.len() >= steps, "these are not all the steps: {died_at:?}");
    Ok(())
}

/// The next step to begin that nobody has died at.
pub(crate) async fn new_step(running: &mut Running, died_at: &BTreeSet<String>) -> Result<Option<String>> {
    let text = |event: &Value| event["text"].as_str().unwrap_or_default().to_owned();
    let wanted = |event: &Value| event["event"] == "stepStarted" && !died_at.contains(&text(event));
    Ok(running.event(wanted).await?.as_ref().map(text))
}
