//! A standby that has everything, and has not reported it for too long: `maxLagSeconds`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use stateful_harness::{
    Context, Deployment, Engine, KubectlDrain, Load, Namespace, Postgres, note, nothing_failed, until,
    until_both_replicas,
};

/// What the policy allows, in seconds.
const LIMIT: u64 = 5;

/// By then a standby has been silent for twice as long, and both replicas of the guard have observed it.
const LATE_WITHIN: Duration = Duration::from_secs(40);

/// A drain asks every five seconds: after this it has asked and was refused.
const ASKED_WITHIN: Duration = Duration::from_secs(30);

/// A standby ends, and comes back elsewhere.
const DRAINED_WITHIN: Duration = Duration::from_mins(2);

pub(super) async fn while_a_standby_is_silent_for_longer_than_the_policy_allows_no_other_is_evicted(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let postgres = context.database::<Postgres>("15.18").await?;
    let namespace = postgres.namespace();
    context.spoil_database();
    guard.watch(namespace).await?;
    context.nodes().await?;
    let load = Load::start(&postgres.endpoint().await?).await?;
    let primary = postgres.primary().await?;
    let pods = postgres.pods().await?;
    let mut standbys = pods.iter().filter(|pod| pod.name != primary);
    let (late, leaves) = (standbys.next().context("a standby")?, standbys.next().context("another standby")?);
    let node = leaves.node.clone().context("it has no node")?;

    // It reports nothing by itself, has never replayed all it has (which it would report), and its primary does not ask it.
    postgres.alter_system(&primary, "SET wal_sender_timeout = 0").await?;
    postgres.alter_system(&late.name, "SET recovery_min_apply_delay = '1h'").await?;
    postgres.alter_system(&late.name, "SET wal_receiver_status_interval = 0").await?;
    until("it has been silent for long", LATE_WITHIN, async || {
        let seconds = silent_for(&postgres, &primary, &late.name).await?;
        ensure!(seconds > 2 * LIMIT, "for {seconds} s");
        Ok(())
    })
    .await?;
    expect_answer(namespace, &leaves.name, 201, "").await.context("without a limit the other may go")?;
    let _ = guard.policy(namespace, &json!({"maxLagSeconds": LIMIT})).await?;
    expect_answer(namespace, &leaves.name, 429, "STF-DB-023").await.context("with it the other stays")?;

    let cordon = context.uncordon_afterwards(&node);
    let mut drain = KubectlDrain::start(namespace, &node)?;
    let words =
        format!("{} of {}/postgres may not be evicted now: {} last told", leaves.name, namespace.name(), late.name);
    drain.prints(&words, ASKED_WITHIN).await?;
    drain.prints(&format!("the limit is {LIMIT} s (STF-DB-023)"), ASKED_WITHIN).await?;
    let refusals = |drain: &KubectlDrain| drain.printed().matches("may not be evicted now").count();
    until("it has asked twice more", ASKED_WITHIN, async || {
        ensure!(refusals(&drain) >= 3, "it has printed:\n{}", drain.printed());
        Ok(())
    })
    .await?;
    ensure!(postgres.pods().await? == pods, "a pod was evicted meanwhile");
    note!("{}", drain.printed());
    postgres.alter_system(&late.name, "SET recovery_min_apply_delay = 0").await?;
    postgres.alter_system(&late.name, "SET wal_receiver_status_interval = 1").await?;
    drain.finish(DRAINED_WITHIN).await?;
    cordon.now().await?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

/// Waits until both replicas of the guard answer an eviction, tried as a dry run, with that status and code.
async fn expect_answer(namespace: &Namespace, pod: &str, status: u16, code: &str) -> Result<()> {
    until_both_replicas("both replicas answer", ASKED_WITHIN, async || {
        let reply = namespace.evict_dry_run(pod).await?;
        ensure!(reply.status == status && reply.body.contains(code), "{reply:?}");
        Ok(())
    })
    .await
}

/// How long ago a standby last reported to its primary, in seconds.
async fn silent_for(postgres: &Postgres, primary: &str, standby: &str) -> Result<u64> {
    let question = format!(
        "SELECT extract(epoch FROM clock_timestamp() - reply_time)::bigint FROM pg_stat_replication \
         WHERE application_name = '{standby}'"
    );
    Ok(postgres.ask(primary, &question).await?.concat().concat().parse()?)
}
