//! The page the figures are written to.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use stateful_harness::Figures;

use crate::drain::Drains;
use crate::status::Latency;
use crate::upgrades::{self, Comparison};

pub(crate) fn write(versions: &str, upgrades: &[Comparison], drains: &Drains, latency: &Latency) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository")?.join("docs/figures.md");
    Ok(std::fs::write(path, page(versions, upgrades, drains, latency))?)
}

fn page(versions: &str, upgrades: &[Comparison], drains: &Drains, latency: &Latency) -> String {
    format!(
        "# Figures

Written by `make bench`, all in one run: {versions}.
The figures are relative. Absolute times on a machine that runs the whole cluster, the load and the tool are noise.

{upgrades}
## Every node drained in turn, with that Redis Cluster under the same load

| | `kubectl stateful drain NODE -y --ignore-daemonsets --delete-emptydir-data --force` |
|---|---|
| nodes | {nodes} |
| failed, unknown, lost | {drain_failed}, {drain_unknown}, {drain_lost} |
| longest gap | {drain_gap} |
| longest drain | {drain_wall} |

## A look

Medians of seven. The 200 others are StatefulSets of Redis with a pod that no node takes, so that discovery has its work and there
is nobody to ask.

| `kubectl stateful status redis` | `kubectl stateful status -A` beside 200 others |
|---|---|
| {one} | {all} |
",
        upgrades = upgrades::section(upgrades),
        nodes = drains.nodes,
        drain_failed = drains.during.failed,
        drain_unknown = drains.during.unknown,
        drain_lost = drains.audit.lost.len(),
        drain_gap = gap(&drains.during),
        drain_wall = seconds(drains.longest),
        one = seconds(latency.one),
        all = seconds(latency.all),
    )
}

/// To the millisecond: that is what a handover is about.
fn gap(figures: &Figures) -> String {
    format!("{:.3} s", figures.longest_gap.as_secs_f64())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
