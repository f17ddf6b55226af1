//! A replica that has everything, and has not said so for too long: `maxLagSeconds`.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Guard, KubectlDrain, KubectlProxy, Load, Postgres, nothing_failed, until};

use crate::postgres::its_primary;

/// What the policy allows, in seconds.
const LIMIT: u64 = 5;

/// A standby has been silent for twice as long by then, and both replicas of the guard have seen it.
const LATE_WITHIN: Duration = Duration::from_secs(40);

/// A drain asks every five seconds: after this it has asked and was refused.
const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// A standby ends, and is reborn elsewhere.
const DRAINED_WITHIN: Duration = Duration::from_mins(2);

/// So often in a row both replicas of the guard will have been asked.
const IN_A_ROW: usize = 8;

#[tokio::test]
async fn while_a_standby_is_silent_for_longer_than_the_policy_says_nobody_goes_and_then_the_drain_goes_on() -> Result<()>
{
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let namespace = cluster.namespace("guard-lateness").await?;
    let postgres = Postgres::deploy(&namespace, "15.18").await?;
    guard.watches(&namespace).await?;
    let load = Load::start(&postgres.endpoint("postgres-primary").await?).await?;
    let (primary, _) = its_primary(&postgres).await?;
    let pods = postgres.pods().await?;
    let mut standbys = pods.iter().filter(|pod| pod.name != primary);
    let (late, leaves) = (standbys.next().context("a standby")?, standbys.next().context("another standby")?);
    let node = leaves.node.clone().context("it has no node")?;

    // It tells nothing by itself, has never replayed all it has (it would say so), and its primary does not ask it.
    set(&postgres, &primary, "wal_sender_timeout = 0").await?;
    set(&postgres, &late.name, "recovery_min_apply_delay = '1h'").await?;
    set(&postgres, &late.name, "wal_receiver_status_interval = 0").await?;
    until("it has been silent for long", LATE_WITHIN, async || {
        let seconds = silent_for(&postgres, &primary, &late.name).await?;
        ensure!(seconds > 2 * LIMIT, "for {seconds} s");
        Ok(())
    })
    .await?;
    let proxy = KubectlProxy::start(&cluster).await?;
    let always = async |what: &str, wanted: &(dyn Fn(u16, &str) -> bool + Sync)| {
        until(what, ASKED_WITHIN, async || {
            for _ in 0..IN_A_ROW {
                let reply = proxy.evict(&namespace, &leaves.name, true).await?;
                ensure!(wanted(reply.status, &reply.body), "{reply:?}");
            }
            Ok(())
        })
        .await
    };
    always("without a limit the other may go", &|status, _| status == 201).await?;
    guard.policy(&namespace, &format!("\"maxLagSeconds\":{LIMIT}")).await?;
    always("with it the other stays", &|status, body| status == 429 && body.contains("STF-DB-023")).await?;

    let mut drain = KubectlDrain::start(&cluster, &node, &[])?;
    let drained = async {
        let words =
            format!("{} of {}/postgres may not be evicted now: {} last told", leaves.name, namespace.name(), late.name);
        drain.prints(&words, ASKED_WITHIN).await?;
        drain.prints(&format!("the limit is {LIMIT} s (STF-DB-023)"), ASKED_WITHIN).await?;
        let refusals = |drain: &KubectlDrain| drain.printed().matches("may not be evicted now").count();
        until("it has asked twice more", ASKED_WITHIN, async || {
            ensure!(refusals(&drain) >= 3, "it has said:\n{}", drain.printed());
            Ok(())
        })
        .await?;
        ensure!(postgres.pods().await? == pods, "a pod has gone meanwhile");
        eprintln!("{}", drain.printed());
        set(&postgres, &late.name, "recovery_min_apply_delay = 0").await?;
        set(&postgres, &late.name, "wal_receiver_status_interval = 1").await?;
        drain.finish(DRAINED_WITHIN).await
    }
    .await;
    KubectlDrain::uncordon(&cluster, &node).await?;
    guard.forget_policy(&namespace).await?;
    drained?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

/// Sets a parameter of one server, as somebody who tries something out does.
async fn set(postgres: &Postgres, pod: &str, parameter: &str) -> Result<()> {
    postgres.ask(pod, &format!("ALTER SYSTEM SET {parameter}")).await?;
    postgres.ask(pod, "SELECT pg_reload_conf()").await.map(drop)
}

/// Since when a standby has told its primary nothing, in seconds.
async fn silent_for(postgres: &Postgres, primary: &str, standby: &str) -> Result<u64> {
    let question = format!(
        "SELECT extract(epoch FROM clock_timestamp() - reply_time)::bigint FROM pg_stat_replication \
         WHERE application_name = '{standby}'"
    );
    Ok(postgres.ask(primary, &question).await?.concat().concat().parse()?)
}
