//! A switchover of PostgreSQL under Patroni, asked for by us and by Patroni's own tool.

use anyhow::Result;
use stateful_harness::{Cluster, Deployment, Patroni, Plugin};

use super::{Comparison, IN_SYNC_WITHIN, Upgrade, measured};

pub(super) async fn compare(cluster: &Cluster, plugin: &Plugin) -> Result<Comparison> {
    let ours = async |postgres: &Patroni| {
        let plugin = plugin.clone().within(postgres.namespace());
        plugin.run(&["switchover", "patroni", "-y"]).await?.expect(0).map(drop)
    };
    Ok(Comparison {
        title: "A switchover under Patroni",
        about: "A primary and two standbys with PostgreSQL 15.18 (`examples/patroni`), eight writers with `tokio-postgres` by the \
                Service of the primary. Patroni moves the role each time; who asks for it is the difference.",
        ways: vec![
            ("`kubectl stateful switchover patroni -y`", switched(cluster, ours).await?),
            ("`patronictl switchover --force`", switched(cluster, theirs).await?),
        ],
    })
}

async fn switched(cluster: &Cluster, by: impl AsyncFnOnce(&Patroni) -> Result<()>) -> Result<Upgrade> {
    let namespace = cluster.namespace("bench-patroni").await?;
    let postgres = Patroni::deploy(&namespace, "15.18").await?;
    let endpoint = postgres.endpoint().await?;
    measured(endpoint, async || by(&postgres).await, async || postgres.in_sync(IN_SYNC_WITHIN).await).await
}

async fn theirs(postgres: &Patroni) -> Result<()> {
    postgres.switch_over_with_patronictl().await
}
