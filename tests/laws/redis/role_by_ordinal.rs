//! A start script that writes the role anew, by the ordinal: after a switchover the old primary would come back as a second one.

use anyhow::{Result, ensure};
use serde_json::json;
use stateful_harness::{Context, Deployment, ObjectVersions, RedisReplication};

/// As charts do it: at each start, and on the volume.
const BY_ORDINAL: &str = r#"#!/bin/sh
set -eu
me=$(hostname)
cat /etc/redis/redis.conf >/data/redis.conf
[ "${me##*-}" = 0 ] || echo "replicaof redis-0.redis 6379" >>/data/redis.conf
exec redis-server /data/redis.conf --replica-announce-ip "$me.redis"
"#;

/// Nothing is restarted for it: the members that run were started by the script before.
pub(super) async fn a_role_that_a_start_script_writes_is_not_handed_over(context: &mut Context) -> Result<()> {
    let redis = context.database::<RedisReplication>("7.0").await?;
    let namespace = redis.namespace();
    let plugin = context.plugin(namespace)?;
    context.spoil_database();
    start_by_ordinal(&redis).await?;
    let (before, primary) = (ObjectVersions::read_without_status(namespace).await?, redis.primary().await?);
    let image = RedisReplication::image("8.0");
    let ended = plugin.run(&["upgrade", "redis", "--image", &image, "-y"]).await?.expect(3)?;
    for words in ["(STF-DB-020)", "ConfigMap redis, key start-redis", "line 4", "keeps-role="] {
        ensure!(ended.stderr.contains(words), "\"{words}\" is not reported:\n{ended}");
    }
    before.expect_unchanged(namespace).await?;
    ensure!(redis.primary().await? == primary, "the primary moved");
    Ok(())
}

/// Changes the script that each start runs from now on.
pub(crate) async fn start_by_ordinal(redis: &RedisReplication) -> Result<()> {
    let change = json!({"data": {"start-redis": BY_ORDINAL}}).to_string();
    let patch = ["patch", "configmap", "redis", "--type", "merge", "--patch", &change];
    redis.namespace().kubectl(&patch).await?;
    Ok(())
}
