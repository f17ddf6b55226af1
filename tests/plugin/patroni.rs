//! PostgreSQL under Patroni: it is asked, nothing is lost, and it is left as it was. Eight writers all the while.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stateful_harness::{Cluster, Figures, Load, Namespace, Plugin, Postgres, nothing_lost};

use crate::postgres_faults::signal;

/// Patroni looks every 10 s, and kubelet waits before it starts a container again.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// A pause that somebody would feel.
const NOTICED: Duration = Duration::from_secs(1);

#[tokio::test]
async fn patroni_moves_the_lead_when_asked_loses_nothing_and_is_left_as_it_was() -> Result<()> {
    let cluster = Cluster::beside_others().await?;
    let namespace = cluster.namespace("law-patroni").await?;
    let postgres = Postgres::deploy_patroni(&namespace, "15.18").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let before = settings(&namespace).await?;

    let theirs = by_patronictl(&postgres).await?;
    postgres.in_sync(SETTLED_WITHIN).await?;
    let load = Load::start(&postgres.endpoint("patroni").await?).await?;
    let switched = plugin.run(&["switchover", "patroni", "-y", "-o", "json"]).await?.expect(0)?;
    let ours = load.take_figures();
    postgres.in_sync(SETTLED_WITHIN).await?;
    let upgraded = plugin.run(&["upgrade", "patroni", "--version", "15.20", "-y", "-o", "json"]).await?.expect(0)?;
    let upgrade = load.take_figures();
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

/// Its server answers, and looks well to everybody for ten seconds: the process that receives the log is held up.
#[tokio::test]
async fn a_standby_under_patroni_that_hangs_is_not_asked_to_lead_and_no_client_waits_for_it() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-patroni-hangs").await?;
    let postgres = Postgres::deploy_patroni(&namespace, "15.18").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let (before, from) = (settings(&namespace).await?, postgres.primary().await?);
    let to = other(&postgres, &from).await?;
    let load = Load::start(&postgres.endpoint("patroni").await?).await?;

    let receiver = postgres.ask(&to, "SELECT pid FROM pg_stat_wal_receiver").await?.concat().concat();
    let hung = postgres.connect(&to).await?;
    signal(&hung, "STOP", &receiver).await;
    let ended = plugin.run(&["switchover", "patroni", "--to", &to, "-y", "--step-timeout", "5s"]).await?;
    signal(&hung, "CONT", &receiver).await;
    let during = load.take_figures();
    eprintln!("{ended}\nlongest gap {:?}", during.longest_gap);
    ensure!(ended.code != Some(0), "it went through");
    ensure!(format!("{ended}").contains("have not received what is written"), "it does not say why");
    ensure!(postgres.primary().await? == from, "{from} does not lead any more");
    ensure!(settings(&namespace).await? == before, "Patroni is configured otherwise");
    ensure!(during.failed + during.unknown == 0, "writes went wrong: {during:?}");
    ensure!(during.longest_gap < NOTICED, "{} was not written for {:?}", during.of_key, during.longest_gap);
    nothing_lost(&load.stop().await?)
}

/// The same move by Patroni's own command, under a load of its own; what it loses is its own affair, and printed.
async fn by_patronictl(postgres: &Postgres) -> Result<Figures> {
    let load = Load::start(&postgres.endpoint("patroni").await?).await?;
    let from = postgres.primary().await?;
    let to = other(postgres, &from).await?;
    let words = ["exec", &from, "--", "patronictl", "-c", "/etc/patroni/patroni.yml", "switchover", "patroni"];
    let wish = ["--leader", &from, "--candidate", &to, "--force"];
    postgres.namespace().kubectl(&[&words[..], &wish[..]].concat()).await?;
    let figures = load.take_figures();
    let audit = load.stop().await?;
    eprintln!("by patronictl: {} lost of {}", audit.lost.len(), figures.acknowledged);
    Ok(figures)
}

async fn other(postgres: &Postgres, than: &str) -> Result<String> {
    let pods = postgres.pods().await?;
    pods.into_iter().map(|pod| pod.name).find(|name| name != than).context("there is nobody else")
}

/// Patroni's dynamic configuration, as it keeps it.
async fn settings(namespace: &Namespace) -> Result<Value> {
    let told = namespace.get(&["endpoints", "patroni-config"]).await?;
    let text = told["metadata"]["annotations"]["config"].as_str().context("Patroni keeps no configuration")?;
    Ok(serde_json::from_str(text)?)
}
