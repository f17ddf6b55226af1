//! `make bench`: every figure of `docs/figures.md`, measured in one run, with the same client and the same load.
//! `bench PART...` measures those parts alone, and replaces their sections.
#![expect(clippy::print_stdout, reason = "a bench is run to see its figures")]

mod drain;
mod figures;
mod guard;
mod status;
mod upgrades;
mod versions;

use std::path::Path;

use anyhow::{Result, bail, ensure};
use stateful_harness::{Cluster, Plugin};

/// What can be measured alone.
const PARTS: [&str; 6] = ["redis", "mongodb", "postgres", "patroni", "looks", "guard"];

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
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let unknown = asked.iter().find(|part| !PARTS.contains(&part.as_str()));
    ensure!(unknown.is_none(), "there is no part {}: {}", unknown.map_or("", |part| part), PARTS.join(", "));
    let cluster = Cluster::find()?;
    let plugin = Plugin::find(&cluster)?;
    let versions = versions::of(&cluster, &plugin).await?;
    println!("{versions}\n");
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|part| part == name);
    for part in PARTS.into_iter().filter(|part| wanted(part)) {
        if let Some(comparison) = upgrades::compare(part, &cluster, &plugin).await? {
            println!("{comparison}");
            written(&figures::write(&upgrades::section(&versions, &comparison))?);
        }
    }
    if wanted("looks") {
        let drains = drain::each_node(&cluster, &plugin).await?;
        println!("kubectl stateful drain:   {drains}");
        let latency = status::latency(&cluster, &plugin).await?;
        println!("kubectl stateful status:  {latency}");
        written(&figures::write(&figures::looks(&versions, &drains, &latency))?);
    }
    if wanted("guard") {
        let measured = guard::measure(&cluster).await?;
        written(&figures::write(&guard::section(&versions, &measured))?);
    }
    Ok(())
}

fn written(path: &Path) {
    println!("written to {}\n", path.display());
}
