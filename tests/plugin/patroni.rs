//! PostgreSQL under Patroni: it is asked, nothing is lost, and it is left as it was. Eight writers all the while.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stateful_harness::{Cluster, Figures, Load, Namespace, Plugin, Postgres, nothing_lost};

/// Patroni looks every 10 s, and kubelet waits before it starts a container again.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

#[tokio::test]
async fn patroni_moves_the_lead_when_asked_loses_nothing_and_is_left_as_it_was() -> Result<()> {
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("law-patroni").await?;
    let postgres = Postgres::deploy_patroni(&namespace, "15.18").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let before = settings(&namespace).await?;

    let theirs = by_patronictl(&postgres).await?;
    postgres.in_sync(SETTLED_WITHIN).await?;
    let load = Load::start(postgres.through("patroni").await?).await?;
    let switched = plugin.run(&["switchover", "patroni", "-y", "-o", "json"]).await?.expect(0)?;
    let ours = load.turn_page();
    postgres.in_sync(SETTLED_WITHIN).await?;
    let upgraded = plugin.run(&["upgrade", "patroni", "--version", "15.20", "-y", "-o", "json"]).await?.expect(0)?;
    let upgrade = load.turn_page();
    let audit = load.stop().await?;

    for (what, figures) in [("patronictl", &theirs), ("ours", &ours), ("minor upgrade", &upgrade)] {
        eprintln!(
            "{what}: longest gap {:?}, failed {}, unknown {}",
            figures.longest_gap, figures.failed, figures.unknown
        );
    }
    for ended in [switched, upgraded] {
        eprintln!("it took {:?}, longest handover {} ms", ended.took, ended.json()?["longestHandoverMilliseconds"]);
    }
    nothing_lost(&audit)?;
    ensure!(settings(&namespace).await? == before, "Patroni is configured otherwise: {}", settings(&namespace).await?);
    postgres.in_sync(SETTLED_WITHIN).await?;
    for pod in postgres.pods().await? {
        let says = postgres.ask(&pod.name, "SHOW server_version").await?.concat().concat();
        ensure!(says.starts_with("15.20"), "{} says {says}", pod.name);
    }
    Ok(())
}

/// The same move by Patroni's own command, under a load of its own; what it loses is its own affair, and printed.
async fn by_patronictl(postgres: &Postgres<'_>) -> Result<Figures> {
    let load = Load::start(postgres.through("patroni").await?).await?;
    let from = postgres.primary().await?;
    let pods = postgres.pods().await?;
    let to = pods.into_iter().map(|pod| pod.name).find(|name| *name != from).context("nobody else")?;
    let words = ["exec", &from, "--", "patronictl", "-c", "/etc/patroni/patroni.yml", "switchover", "patroni"];
    let wish = ["--leader", &from, "--candidate", &to, "--force"];
    postgres.namespace().kubectl(&[&words[..], &wish[..]].concat()).await?;
    let figures = load.turn_page();
    let audit = load.stop().await?;
    eprintln!("by patronictl: {} lost of {}", audit.lost.len(), figures.acknowledged);
    Ok(figures)
}

/// Patroni's dynamic configuration, as it keeps it.
async fn settings(namespace: &Namespace) -> Result<Value> {
    let told = namespace.get(&["endpoints", "patroni-config"]).await?;
    let text = told["metadata"]["annotations"]["config"].as_str().context("Patroni keeps no configuration")?;
    Ok(serde_json::from_str(text)?)
}
