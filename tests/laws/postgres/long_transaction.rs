//! A transaction of minutes is not ended for a switchover that could wait.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Engine, Load, Postgres, until};

use super::writes::expect_whole;

/// A container that ended is started again within two seconds; then its server reads its log, and the writers find it.
const WRITES_WITHIN: Duration = Duration::from_secs(15);

/// A transaction is long after some seconds.
const LONG_WITHIN: Duration = Duration::from_secs(40);

pub(super) async fn a_long_transaction_is_waited_for_and_not_ended(context: &mut Context) -> Result<()> {
    let postgres = context.database::<Postgres>("15.18").await?;
    let plugin = context.plugin(postgres.namespace())?;
    let primary = postgres.primary().await?;
    let successor = stateful_harness::Primaries::replica(&postgres).await?;
    let busy = postgres.connect(&primary).await?;
    busy.batch_execute("CREATE TABLE kept (word text); BEGIN; INSERT INTO kept VALUES ('a minute of work')").await?;
    let load = Load::start(&postgres.endpoint().await?).await?;

    let during = load.take_figures();
    let switchover = ["switchover", "postgres", "--to", &successor, "-y", "--step-timeout", "10s"];
    let open = "SELECT count(*) FROM pg_stat_activity \
                WHERE state = 'idle in transaction' AND xact_start < clock_timestamp() - interval '4 seconds'";
    until("the transaction is a long one", LONG_WITHIN, async || {
        let count = postgres.ask(&primary, open).await?;
        ensure!(count == [["1"]], "{count:?}");
        Ok(())
    })
    .await?;
    let refused = plugin.run(&switchover).await?;
    ensure!(refused.code != Some(0) && refused.stderr.contains("a transaction has been open"), "{refused}");
    ensure!(postgres.primary().await? == primary, "the primary moved:\n{refused}");
    busy.batch_execute("COMMIT").await.context("the transaction was ended")?;

    plugin.run(&switchover).await?.expect(0)?;
    let kept = postgres.ask(&successor, "SELECT word FROM kept").await?;
    ensure!(kept == [["a minute of work"]], "it is {kept:?}");
    let waited = expect_whole(&successor, &postgres, load, during).await?;
    ensure!(waited <= WRITES_WITHIN, "a writer waited for {waited:?}");
    Ok(())
}
