//! Databases that are laid out as no example is, and that people run: each is seen, and judged as what it is.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{Context, Deployment, Namespace, Postgres, RedisReplication, until_both_replicas};

/// Each database that comes under guard is looked at, by both replicas.
const LOOKED_AT_WITHIN: Duration = Duration::from_mins(1);

/// PGDATA is in the image's own layer, beside the claim.
const POSTGRES_OFF_ITS_CLAIM: &str = r#"umask 077
[ -s "$PGDATA/PG_VERSION" ] || {
  initdb -D "$PGDATA" -U postgres --auth trust
  echo "host all all all trust" >>"$PGDATA/pg_hba.conf"
}
exec postgres -D "$PGDATA" -c listen_addresses='*'
"#;

/// The configuration is on the claim, and the append-only file beside it.
const REDIS_OFF_ITS_CLAIM: &str = r#"f=/conf/redis.conf
[ -f $f ] || {
  echo appendonly yes
  echo protected-mode no
  [ "$(hostname)" = beside-0 ] || echo replicaof beside-0.beside 6379
} >$f
exec redis-server $f --dir /data --replica-announce-ip "$(hostname).beside"
"#;

/// A data member that asks Sentinels who leads.
const REDIS_THAT_ASKS_SENTINELS: &str = r#"lead=$(redis-cli -h stock-sentinel -p 26379 sentinel get-master-addr-by-name main 2>/dev/null | head -n 1)
[ -n "$lead" ] || lead=stock-0.stock
f=/data/redis.conf
[ -f $f ] || { echo appendonly yes; echo protected-mode no; } >$f
set -- redis-server $f --dir /data --replica-announce-ip "$(hostname).stock"
[ "$lead" = "$(hostname).stock" ] || set -- "$@" --replicaof "$lead" 6379
exec "$@"
"#;

/// A StatefulSet and its Service, with one claim at `mount`.
struct Layout {
    name: &'static str,
    image: String,
    script: &'static str,
    port: u16,
    members: usize,
    mount: &'static str,
    env: Value,
    user: Value,
}

impl Layout {
    async fn deploy(&self, namespace: &Namespace) -> Result<()> {
        let Self { name, image, script, port, members, mount, env, user } = self;
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"clusterIP": "None", "publishNotReadyAddresses": true, "selector": {"app": name}, "ports": [{"port": port}]},
        });
        let container = json!({
            "name": "server", "image": image, "command": ["sh", "-c", script], "env": env,
            "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
            "volumeMounts": [{"name": "data", "mountPath": mount}],
        });
        let claim = json!({
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Mi"}}},
        });
        let set = json!({
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
            "spec": {
                "serviceName": name, "replicas": members, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], "securityContext": user}},
                "volumeClaimTemplates": [claim],
            },
        });
        namespace.create(&json!({"apiVersion": "v1", "kind": "List", "items": [service, set]}).to_string()).await?;
        let of = format!("statefulset/{name}");
        namespace.kubectl(&["rollout", "status", &of, "--timeout", "120s"]).await.map(drop)
    }
}

/// Everything works until the pod is replaced: then the server makes an empty database.
pub(super) async fn a_member_whose_data_lies_off_its_claim_is_never_given_up(context: &mut Context) -> Result<()> {
    let guard = context.guard().await?;
    let postgres = Layout {
        name: "only",
        image: Postgres::image("15.18"),
        script: POSTGRES_OFF_ITS_CLAIM,
        port: 5432,
        members: 1,
        mount: "/var/lib/postgresql/backup",
        env: json!([{"name": "PGDATA", "value": "/var/lib/postgresql/15/main"}]),
        user: json!({"runAsUser": 999, "runAsGroup": 999, "fsGroup": 999}),
    };
    let redis = Layout {
        name: "beside",
        image: RedisReplication::image("7.0"),
        script: REDIS_OFF_ITS_CLAIM,
        port: 6379,
        members: 2,
        mount: "/conf",
        env: json!([]),
        user: json!({}),
    };
    let namespace = context
        .deploy(async |namespace| {
            postgres.deploy(namespace).await?;
            redis.deploy(namespace).await?;
            Ok(namespace.clone())
        })
        .await?;
    guard.watch(&namespace).await?;
    let plugin = context.plugin(&namespace)?;
    for (name, directory, pod) in [("only", "/var/lib/postgresql/15/main", "only-0"), ("beside", "/data", "beside-1")] {
        let checked = plugin.run(&["check", name]).await?.expect(3)?;
        let is_told = ["STF-DB-010", directory].iter().all(|words| checked.to_string().contains(words));
        ensure!(is_told, "it is not told that {directory} is on no claim:\n{checked}");
        let status = plugin.run(&["status", name, "-o", "json"]).await?.expect(0)?.json()?;
        ensure!(status["safeToUpgrade"] == false, "{status}");
        until_both_replicas("the guard has looked at it", LOOKED_AT_WITHIN, async || {
            let reply = namespace.evict_dry_run(pod).await?;
            ensure!(reply.status == 403 && reply.body.contains("STF-DB-010"), "{reply:?}");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// A Sentinel is what is started as one, and not what mentions the word.
pub(super) async fn a_database_whose_start_script_asks_sentinels_is_seen_and_guarded(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let stock = Layout {
        name: "stock",
        image: RedisReplication::image("7.0"),
        script: REDIS_THAT_ASKS_SENTINELS,
        port: 6379,
        members: 2,
        mount: "/data",
        env: json!([]),
        user: json!({}),
    };
    let namespace = context
        .deploy(async |namespace| {
            stock.deploy(namespace).await?;
            Ok(namespace.clone())
        })
        .await?;
    guard.watch(&namespace).await?;
    let listed = context.plugin(&namespace)?.run(&["status", "-o", "json"]).await?.expect(0)?.json()?;
    ensure!(listed[0]["name"] == "stock" && listed[0]["members"] == 2, "{listed}");
    let reply = namespace.evict("stock-0").await?;
    ensure!(reply.status == 429 && reply.body.contains("STF-DB-"), "{reply:?}");
    let delete = r#"{"spec":{"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete"}}}"#;
    namespace.kubectl(&["patch", "statefulset", "stock", "--type", "merge", "--patch", delete]).await?;
    let set = namespace.get(&["statefulset", "stock"]).await?;
    let kept = &set["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"];
    ensure!(*kept == "Retain", "its claims would go with it: {kept}");
    Ok(())
}
