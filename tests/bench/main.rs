//! `make bench`: every figure of `docs/figures.md`, measured in one run, with the same client and the same load.
//! `bench guard` measures the guard alone, and replaces its section.
#![expect(clippy::print_stdout, reason = "a bench is run to see its figures")]

mod drain;
mod figures;
mod guard;
mod status;
mod upgrade;
mod versions;

use std::time::Duration;

use anyhow::{Result, bail};
use stateful_harness::{Cluster, Plugin};

/// How long the load is watched with nothing happening: long enough for a snapshot, a log rewrite or a neighbour's
/// build to show up.
const IDLE: Duration = Duration::from_secs(15);

#[tokio::main]
async fn main() -> Result<()> {
    // Interrupted, it still takes its namespaces away.
    tokio::select! {
        ended = run() => ended,
        _ = tokio::signal::ctrl_c() => {
            guard::clean(&Cluster::find()?).await?;
            bail!("interrupted")
        }
    }
}

async fn run() -> Result<()> {
    let cluster = Cluster::find()?;
    let plugin = Plugin::find(&cluster)?;
    let versions = versions::of(&cluster, &plugin).await?;
    println!("{versions}\n");
    if std::env::args().nth(1).is_some_and(|part| part == "guard") {
        return the_guard(&cluster, &versions).await;
    }

    let ours = upgrade::by_us(&cluster, &plugin).await?;
    println!("kubectl stateful upgrade: {ours}");
    let naive = upgrade::by_rollout(&cluster).await?;
    println!("kubectl rollout:          {naive}");
    let drains = drain::each_node(&cluster, &plugin).await?;
    println!("kubectl stateful drain:   {drains}");
    let latency = status::latency(&cluster, &plugin).await?;
    println!("kubectl stateful status:  {latency}");

    figures::write(&versions, &ours, &naive, &drains, &latency)?;
    the_guard(&cluster, &versions).await
}

async fn the_guard(cluster: &Cluster, versions: &str) -> Result<()> {
    let measured = guard::measure(cluster).await?;
    let path = guard::write(versions, &measured)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}
