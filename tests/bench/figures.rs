//! The page the figures are written to. Each section is of one run, and says of which; a run of one part replaces its section.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use stateful_harness::Figures;

use crate::drain::Drains;
use crate::status::Latency;

/// What is above all sections.
const HEAD: &str = "# Figures

Written by `make bench`. The figures are relative. Absolute times on a machine that runs the whole cluster, the load and the tool are
noise.
";

/// Writes a section, `## heading` and all, in the place of the one of that heading.
pub(crate) fn write(section: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository")?.join("docs/figures.md");
    let page = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, with(&page, section))?;
    Ok(path)
}

fn with(page: &str, section: &str) -> String {
    let heading = section.lines().next().unwrap_or_default();
    let mut sections: Vec<&str> = Vec::new();
    let mut rest = page.find("\n## ").map_or("", |at| &page[at + 1..]);
    while !rest.is_empty() {
        let end = rest[1..].find("\n## ").map_or(rest.len(), |at| at + 2);
        sections.push(rest[..end].trim_end());
        rest = &rest[end..];
    }
    match sections.iter_mut().find(|old| old.lines().next() == Some(heading)) {
        Some(old) => *old = section.trim_end(),
        None => sections.push(section.trim_end()),
    }
    format!("{HEAD}\n{}\n", sections.join("\n\n"))
}

/// What was looked at and drained.
pub(crate) fn looks(versions: &str, drains: &Drains, latency: &Latency) -> String {
    format!(
        "## Drains and looks

In one run: {versions}.

Every node in turn, with the Redis Cluster of `examples/redis` under the load of the upgrades:

| | `kubectl stateful drain NODE -y --ignore-daemonsets --delete-emptydir-data --force` |
|---|---|
| nodes | {nodes} |
| failed, unknown, lost | {failed}, {unknown}, {lost} |
| longest gap | {gap} |
| longest drain | {wall} |

A look, medians of seven. The 200 others are StatefulSets of Redis with a pod that no node takes, so that discovery has its work
and no server can be asked.

| `kubectl stateful status redis` | `kubectl stateful status -A` beside 200 others |
|---|---|
| {one} | {all} |
",
        nodes = drains.nodes,
        failed = drains.during.failed,
        unknown = drains.during.unknown,
        lost = drains.audit.lost.len(),
        gap = gap(&drains.during),
        wall = seconds(drains.longest),
        one = seconds(latency.one),
        all = seconds(latency.all),
    )
}

/// To the millisecond: that is what a handover is about.
pub(crate) fn gap(figures: &Figures) -> String {
    format!("{:.3} s", figures.longest_gap.as_secs_f64())
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}
