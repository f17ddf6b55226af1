//! Every node in turn is emptied under load, and opened again.

use std::time::{Duration, Instant};

use anyhow::Result;
use stateful_harness::{Audit, Cluster, Deployment, Engine, Figures, Load, Plugin, RedisCluster};

/// All drains.
pub(crate) struct Drains {
    /// How many nodes.
    pub(crate) nodes: usize,
    /// Over all of them.
    pub(crate) during: Figures,
    /// The longest one took.
    pub(crate) longest: Duration,
    /// What the database held in the end.
    pub(crate) audit: Audit,
}

pub(crate) async fn each_node(cluster: &Cluster, plugin: &Plugin) -> Result<Drains> {
    let namespace = cluster.namespace("bench-drain").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let load = Load::start(&redis.endpoint().await?).await?;
    let nodes = cluster.nodes().await?;
    let mut longest = Duration::ZERO;
    for node in &nodes {
        let started = Instant::now();
        let ended =
            plugin.run(&["drain", node, "-y", "--ignore-daemonsets", "--delete-emptydir-data", "--force"]).await;
        cluster.kubectl(&["uncordon", node]).await?;
        ended?.expect(0)?;
        longest = longest.max(started.elapsed());
    }
    let during = load.take_figures();
    Ok(Drains { nodes: nodes.len(), during, longest, audit: load.stop().await? })
}

impl std::fmt::Display for Drains {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { nodes, during, longest, audit } = self;
        write!(
            f,
            "{nodes} nodes, the longest {:.1} s, {} writes, {} failed, {} unknown, {} lost, longest gap {:.0} ms",
            longest.as_secs_f64(),
            during.acknowledged,
            during.failed,
            during.unknown,
            audit.lost.len(),
            during.longest_gap.as_secs_f64() * 1e3,
        )
    }
}
