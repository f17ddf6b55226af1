//! The page the figures are written to.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use stateful_harness::Figures;

use crate::drain::Drains;
use crate::status::Latency;
use crate::upgrade::Upgrade;

pub(crate) fn write(versions: &str, ours: &Upgrade, naive: &Upgrade, drains: &Drains, latency: &Latency) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository")?.join("docs/figures.md");
    Ok(std::fs::write(path, page(versions, ours, naive, drains, latency))?)
}

fn page(versions: &str, ours: &Upgrade, naive: &Upgrade, drains: &Drains, latency: &Latency) -> String {
    let lost = |upgrade: &Upgrade| upgrade.audit.lost.len();
    format!(
        "# Figures

Written by `make bench`, all in one run: {versions}.
The figures are relative. Absolute times on a machine that runs the whole cluster, the load and the tool are noise.

## Redis Cluster 7.0 to 8.0 under load

Six pods (`examples/redis`), eight writers, a hundred writes a second each, through the cluster client of the `redis` crate with
5 s for a write and its retries (`tests/harness/load/driver.rs`). A gap is the longest time one key had between two acknowledged
writes. Every acknowledged write is looked for at the end, one by one.

| | `kubectl stateful upgrade redis --image …:8.0 -y` | `kubectl set image`, `kubectl rollout status` |
|---|---|---|
| longest gap just before, with nothing happening | {our_idle} | {naive_idle} |
| **longest gap** | **{our_gap}** | **{naive_gap}** |
| failed | {our_failed} | {naive_failed} |
| unknown | {our_unknown} | {naive_unknown} |
| lost | {our_lost} | {naive_lost} |
| acknowledged | {our_acknowledged} | {naive_acknowledged} |
| wall time | {our_wall} | {naive_wall} |

Our wall time is {ratio:.1} times the rollout's. Printed by `make bench`.

## Every node drained in turn, under the same load

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
        our_acknowledged = ours.during.acknowledged,
        naive_acknowledged = naive.during.acknowledged,
        our_failed = ours.during.failed,
        naive_failed = naive.during.failed,
        our_unknown = ours.during.unknown,
        naive_unknown = naive.during.unknown,
        our_lost = lost(ours),
        naive_lost = lost(naive),
        our_idle = gap(&ours.idle),
        naive_idle = gap(&naive.idle),
        our_gap = gap(&ours.during),
        naive_gap = gap(&naive.during),
        our_wall = seconds(ours.wall),
        naive_wall = seconds(naive.wall),
        ratio = ours.wall.as_secs_f64() / naive.wall.as_secs_f64(),
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
