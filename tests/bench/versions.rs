//! What was measured on what.

use anyhow::Result;
use stateful_harness::{Cluster, Plugin};

/// One line: day, cluster, plugin, machine.
pub(crate) async fn of(cluster: &Cluster, plugin: &Plugin) -> Result<String> {
    let told = cluster.kubectl(&["version", "-o", "json"]).await?;
    let told: serde_json::Value = serde_json::from_str(&told)?;
    let server = told["serverVersion"]["gitVersion"].as_str().unwrap_or("of unknown version").to_owned();
    let nodes = cluster.nodes().await?.len();
    let plugin_is_optimised = plugin.is_optimised();
    let plugin = plugin.run(&["version"]).await?.expect(0)?.stdout;
    let plugin = plugin.lines().next().unwrap_or_default().trim().to_owned();
    let build = if plugin_is_optimised { "release" } else { "debug" };
    let cores = std::thread::available_parallelism()?;
    let today = jiff::Zoned::now().strftime("%F").to_string();
    Ok(format!(
        "{today}, Kubernetes {server} with {nodes} nodes, {plugin} ({build} build), all on one machine with {cores} cores"
    ))
}
