//! A start script that decides the role by the ordinal: after a switchover the old primary would come back as a second one, and the
//! new primary's next restart would throw away what only it has.

use anyhow::{Result, ensure};
use serde_json::json;
use stateful_harness::{Context, Deployment, ObjectVersions, Postgres, Primaries};

/// The first member always leads, and every other begins each start with a new copy of it.
const BY_ORDINAL: &str = r#"#!/bin/sh
set -eu
if [ "$(hostname)" = postgres-0 ]; then
  rm -f "$PGDATA/standby.signal"
else
  rm -rf "$PGDATA"
  pg_basebackup --host postgres-0.postgres --pgdata "$PGDATA" --write-recovery-conf
fi
exec postgres -D "$PGDATA" -c config_file=/etc/postgresql/postgresql.conf -c cluster_name="$(hostname)"
"#;

/// Nothing is restarted for it: the members that run were started by the script before.
pub(super) async fn a_role_that_a_start_script_decides_is_not_handed_over(context: &mut Context) -> Result<()> {
    let postgres = context.database::<Postgres>("15.18").await?;
    let namespace = postgres.namespace();
    let plugin = context.plugin(namespace)?;
    context.spoil_database();
    let change = json!({"data": {"start-postgres": BY_ORDINAL}}).to_string();
    namespace.kubectl(&["patch", "configmap", "postgres", "--type", "merge", "--patch", &change]).await?;
    let (before, primary) = (ObjectVersions::read_without_status(namespace).await?, postgres.primary().await?);
    let successor = postgres.replica().await?;
    let ended = plugin.run(&["switchover", "postgres", "--to", &successor, "-y"]).await?.expect(3)?;
    for words in ["(STF-DB-020)", "ConfigMap postgres, key start-postgres", "line 4", "standby.signal", "keeps-role="] {
        ensure!(ended.stderr.contains(words), "\"{words}\" is not reported:\n{ended}");
    }
    before.expect_unchanged(namespace).await?;
    ensure!(postgres.primary().await? == primary, "the primary moved");
    Ok(())
}
