//! How long a look takes: at one workload, and at everything beside two hundred others.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;
use stateful_harness::{Cluster, Deployment, Namespace, Plugin, RedisCluster, until};

/// Neighbours of the real cluster. No two-core machine runs 200 databases, so their one pod waits for a node that does
/// not exist: they cost what discovery costs, and there is nobody in them to ask.
const NEIGHBOURS: usize = 200;

/// Odd, so that there is a median.
const TIMES: usize = 7;

/// Medians.
pub(crate) struct Latency {
    /// `status redis`.
    pub(crate) one: Duration,
    /// `status -A`.
    pub(crate) all: Duration,
}

pub(crate) async fn latency(cluster: &Cluster, plugin: &Plugin) -> Result<Latency> {
    let namespace = cluster.namespace("bench-status").await?;
    RedisCluster::deploy(&namespace, "7.0").await?;
    let here = plugin.clone().within(&namespace);
    let one = median(&here, &["status", "redis"]).await?;
    let neighbours = cluster.namespace("bench-neighbours").await?;
    settle(&neighbours).await?;
    let all = median(plugin, &["status", "-A"]).await?;
    Ok(Latency { one, all })
}

async fn settle(namespace: &Namespace) -> Result<()> {
    let manifests = (0..NEIGHBOURS).fold(String::new(), |mut text, index| {
        let _ = write!(text, "{}", neighbour(index)); // a String takes everything
        text
    });
    namespace.create(&manifests).await?;
    until("every neighbour has its pod", Duration::from_mins(3), async || {
        let pods = namespace.get(&["pods"]).await?;
        let there = pods["items"].as_array().map_or(0, Vec::len);
        anyhow::ensure!(there >= NEIGHBOURS, "{there} of {NEIGHBOURS} have");
        Ok(())
    })
    .await
}

fn neighbour(index: usize) -> String {
    let image = RedisCluster::image("7.0");
    format!(
        "---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: redis-{index}, labels: {{app.kubernetes.io/name: redis}}}}
spec:
  serviceName: redis
  replicas: 1
  selector: {{matchLabels: {{app: redis-{index}}}}}
  template:
    metadata: {{labels: {{app: redis-{index}}}}}
    spec:
      nodeSelector: {{there-is: no-such-node}}
      containers: [{{name: redis, image: '{image}', command: [redis-server]}}]
"
    )
}

/// The exit code says how the databases are, not whether the look succeeded: its JSON does.
async fn median(plugin: &Plugin, args: &[&str]) -> Result<Duration> {
    plugin.run(&[args, &["-o", "json"]].concat()).await?.json().map(|_: Value| ())?;
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        plugin.run(args).await?;
        took.push(started.elapsed());
    }
    took.sort_unstable();
    Ok(took[TIMES / 2])
}

impl std::fmt::Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { one, all } = self;
        write!(f, "one {:.2} s, all beside {NEIGHBOURS} others {:.2} s", one.as_secs_f64(), all.as_secs_f64())
    }
}
