//! `make bench`: every figure of `docs/figures.md`, measured in one run, with the same client and the same load.
//! `bench upgrades` and `bench guard` measure that part alone, and replace its section.
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
const PARTS: [&str; 3] = ["upgrades", "looks", "guard"];

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
    let part = std::env::args().nth(1);
    let wanted = |name: &str| part.as_deref().is_none_or(|part| part == name);
    ensure!(PARTS.iter().any(|part| wanted(part)), "there are the parts {PARTS:?}");
    if wanted("upgrades") {
        let upgrades = upgrades::measure(&cluster, &plugin).await?;
        written(&figures::write(&upgrades::section(&versions, &upgrades))?);
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
