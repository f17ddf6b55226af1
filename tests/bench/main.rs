//! `make bench`: every figure of `docs/figures.md`, measured in one run, with the same client and the same load.
//! `bench guard` measures the guard alone, and replaces its section.
#![expect(clippy::print_stdout, reason = "a bench is run to see its figures")]

mod drain;
mod figures;
mod guard;
mod status;
mod upgrades;
mod versions;

use anyhow::{Result, bail};
use stateful_harness::{Cluster, Plugin};

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

    let upgrades = upgrades::measure(&cluster, &plugin).await?;
    for comparison in &upgrades {
        println!("{comparison}");
    }
    let drains = drain::each_node(&cluster, &plugin).await?;
    println!("kubectl stateful drain:   {drains}");
    let latency = status::latency(&cluster, &plugin).await?;
    println!("kubectl stateful status:  {latency}");

    figures::write(&versions, &upgrades, &drains, &latency)?;
    the_guard(&cluster, &versions).await
}

async fn the_guard(cluster: &Cluster, versions: &str) -> Result<()> {
    let measured = guard::measure(cluster).await?;
    let path = guard::write(versions, &measured)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}
