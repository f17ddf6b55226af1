//! Which nodes a law's databases are on. Some laws drain nodes with whatever is on them, or disconnect them: their databases have nodes of
//! their own, which are tainted, so that other laws go on meanwhile.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::Cluster;

/// The taint, and the label, of nodes to drain.
const TAINT: &str = "tests/drained";

/// A database of three members has one on each of three nodes.
const NODES: usize = 3;

/// The nodes of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Those that all laws share.
    Shared,
    /// Those of laws that drain or disconnect nodes.
    NodesToDrain,
}

impl Placement {
    /// What is added to a pod's specification.
    pub(crate) fn pod_settings(self) -> Option<Value> {
        let toleration = json!({"key": TAINT, "operator": "Exists"});
        (self == Self::NodesToDrain).then(|| json!({"nodeSelector": {TAINT: "true"}, "tolerations": [toleration]}))
    }
}

impl Cluster {
    /// The names of the nodes of a placement that are not cordoned.
    pub async fn nodes(&self) -> Result<Vec<String>> {
        self.nodes_of(Placement::Shared).await
    }

    pub(crate) async fn nodes_of(&self, placement: Placement) -> Result<Vec<String>> {
        let nodes = self.get(&["nodes"]).await?;
        let nodes = nodes["items"].as_array().into_iter().flatten();
        let open = nodes.filter(|node| node["spec"]["unschedulable"] != Value::Bool(true));
        let wanted = open.filter(|node| is_to_drain(node) == (placement == Placement::NodesToDrain));
        Ok(wanted.filter_map(|node| node["metadata"]["name"].as_str()).map(ToOwned::to_owned).collect())
    }

    /// Sees to it that three nodes are there to be drained, beside three that all laws share.
    pub(crate) async fn reserve_nodes_to_drain(&self) -> Result<()> {
        if self.nodes_of(Placement::NodesToDrain).await?.len() == NODES {
            return Ok(());
        }
        let mut nodes = self.nodes().await?;
        nodes.sort();
        ensure!(
            nodes.len() >= 2 * NODES,
            "laws that drain nodes need {} nodes that are Ready and not cordoned, and there are {}: run `make cluster NODES={}`",
            2 * NODES,
            nodes.len(),
            2 * NODES
        );
        for node in nodes.iter().rev().take(NODES) {
            let (label, taint) = (format!("{TAINT}=true"), format!("{TAINT}=true:NoSchedule"));
            self.kubectl(&["label", "node", node, &label, "--overwrite"]).await?;
            self.kubectl(&["taint", "node", node, &taint, "--overwrite"]).await?;
        }
        Ok(())
    }
}

fn is_to_drain(node: &Value) -> bool {
    node["spec"]["taints"].as_array().into_iter().flatten().any(|taint| taint["key"] == TAINT)
}
