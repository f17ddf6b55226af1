//! Upgrades under load, each engine's by several ways: ours, the rollout everybody does, and the script of the published
//! patterns. Each way begins with a database of its own.

mod mongodb;
mod page;
mod patroni;
mod postgres;
mod redis;

use std::time::{Duration, Instant};

use anyhow::Result;
use stateful_harness::{Audit, Cluster, Endpoint, Figures, Load, Namespace, Plugin};
use tokio::time::sleep;

pub(crate) use page::section;

/// How long the load is watched with nothing happening: long enough for a snapshot, a log rewrite or a neighbour's
/// build to show up.
const IDLE: Duration = Duration::from_secs(15);

/// After a way has ended the members may still be out of sync; what clients feel then is part of it.
const IN_SYNC_WITHIN: Duration = Duration::from_mins(3);

/// An engine's upgrade, by every way.
pub(crate) struct Comparison {
    /// What is done.
    title: &'static str,
    /// What was deployed, who wrote to it, and what the ways do, in Markdown.
    about: &'static str,
    /// A way and what came of it, each.
    ways: Vec<(&'static str, Upgrade)>,
}

/// One upgrade.
struct Upgrade {
    /// The same client and load just before, with nothing happening.
    idle: Figures,
    /// From the beginning until everybody was in sync again, or was given up on.
    during: Figures,
    /// How long the command took.
    wall: Duration,
    /// Why the command gave up or the database is not whole afterwards, where that is so.
    broken: Option<String>,
    /// What the database held in the end.
    audit: Audit,
}

/// The comparison of that name, where there is one.
pub(crate) async fn compare(name: &str, cluster: &Cluster, plugin: &Plugin) -> Result<Option<Comparison>> {
    Ok(Some(match name {
        "redis" => redis::compare(cluster, plugin).await?,
        "mongodb" => mongodb::compare(cluster, plugin).await?,
        "postgres" => postgres::compare(cluster, plugin).await?,
        "patroni" => patroni::compare(cluster, plugin).await?,
        _ => return Ok(None),
    }))
}

/// Writes through the endpoint, watches that for a while, and then while it is done. `settled` waits until the database is
/// whole, and sees to it that it can be read.
async fn measured(
    endpoint: Endpoint,
    done: impl AsyncFnOnce() -> Result<()>,
    settled: impl AsyncFnOnce() -> Result<()>,
) -> Result<Upgrade> {
    let load = Load::start(&endpoint).await?;
    sleep(IDLE).await;
    let idle = load.take_figures();
    let started = Instant::now();
    // One that gives up is a figure too: what clients felt is counted all the same.
    let ended = done().await;
    let wall = started.elapsed();
    let whole = settled().await;
    let broken = [ended, whole]
        .into_iter()
        .filter_map(Result::err)
        .map(|why| format!("{why:#}"))
        .reduce(|one, other| format!("{one}; {other}"));
    let during = load.take_figures();
    let upgrade = Upgrade { idle, during, wall, broken, audit: load.stop().await? };
    println!("  {upgrade}"); // a bench is run to see its figures, and the others take minutes
    Ok(upgrade)
}

/// What everybody does today. `image` is a container's name and its new image.
async fn rolled_out(namespace: &Namespace, workload: &str, image: &str) -> Result<()> {
    namespace.kubectl(&["set", "image", workload, image]).await?;
    namespace.kubectl(&["rollout", "status", workload, "--timeout", "10m"]).await.map(drop)
}

impl std::fmt::Display for Comparison {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.title)?;
        self.ways.iter().try_for_each(|(way, upgrade)| write!(f, "\n  {way}: {upgrade}"))
    }
}

impl std::fmt::Display for Upgrade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { idle, during, wall, broken, audit } = self;
        write!(
            f,
            "{:.1} s, {} writes, {} failed, {} unknown, {} lost, longest gap {:.0} ms ({}), idle {:.0} ms",
            wall.as_secs_f64(),
            during.acknowledged,
            during.failed,
            during.unknown,
            audit.lost.len(),
            during.longest_gap.as_secs_f64() * 1e3,
            during.of_key,
            idle.longest_gap.as_secs_f64() * 1e3,
        )?;
        broken.as_ref().map_or(Ok(()), |why| write!(f, "; afterwards: {why}"))
    }
}
