//! Nodes are drained by the plugin, with whatever is on them.

use anyhow::{Context as _, Result};
use stateful_harness::{Context, Engine, Load, note};

use super::expect_left;

pub(super) async fn a_drain_of_each_node_under_load_fails_nothing<E: Engine>(context: &mut Context) -> Result<()> {
    let database = context.database::<E>(E::VERSIONS.0).await?;
    let plugin = context.plugin(database.namespace())?;
    let load = Load::start(&database.endpoint().await?).await?;
    for node in context.nodes_of_group().await? {
        let cordon = context.uncordon_afterwards(&node);
        let flags = ["-y", "--ignore-daemonsets", "--delete-emptydir-data", "--force"];
        let ended = plugin.run(&[&["drain", node.as_str()], &flags[..]].concat()).await?;
        let ended = ended.expect(0).with_context(|| node.clone())?;
        expect_left(&database, &node).await?;
        cordon.now().await?;
        note!("{node} was drained in {:?}", ended.took);
    }
    let during = load.take_figures();
    let audit = load.stop().await?;
    note!("{during:?}");
    E::WRITES.judge(&during, &audit)
}
