//! A major version: its data directory is another one.

use anyhow::{Result, ensure};
use stateful_harness::{Context, Deployment, ObjectVersions, Postgres};

use crate::every_engine::expect_version;

pub(super) async fn a_major_upgrade_is_refused_and_touches_nothing(context: &mut Context) -> Result<()> {
    let postgres = context.database::<Postgres>("15.18").await?;
    let plugin = context.plugin(postgres.namespace())?;
    let before = ObjectVersions::read(postgres.namespace()).await?;
    let ended = plugin.run(&["upgrade", "postgres", "--version", "17.12", "-y"]).await?.expect(3)?;
    for words in ["STF-PG-008", "pg_upgrade", "logical replication"] {
        ensure!(format!("{ended}").contains(words), "\"{words}\" is not reported:\n{ended}");
    }
    before.expect_unchanged(postgres.namespace()).await?;
    expect_version(&postgres, "15.18").await
}
