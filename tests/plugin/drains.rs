//! Nodes are emptied.

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Load, Plugin, RedisCluster, nothing_failed};

#[tokio::test]
async fn drain_of_each_node_under_load_fails_nothing() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-drain").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&redis.endpoint()).await?;

    for node in cluster.nodes().await? {
        let flags = ["-y", "--ignore-daemonsets", "--delete-emptydir-data", "--force"];
        let ended = plugin.run(&[&["drain", node.as_str()], &flags[..]].concat()).await;
        let left = redis.pods().await?.into_iter().filter(|pod| pod.node.as_ref() == Some(&node)).count();
        // First of all: the node belongs to everybody.
        cluster.kubectl(&["uncordon", &node]).await?;
        ended?.expect(0).with_context(|| node.clone())?;
        ensure!(left == 0, "{left} members are still on {node}");
    }
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}
