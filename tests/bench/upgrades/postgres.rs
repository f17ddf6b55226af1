//! PostgreSQL 15.18 to 15.20, through poolers and past them.
//!
//! The published script is its controlled failover with its clean-up, with the names of `examples/postgres`: a fourth pod,
//! promoted; the Service turned to it; the old primary deleted; back to three. Its template change is the new image. Commands
//! that fail are gone on from, as a shell does without `set -e`.

use std::time::Duration;

use anyhow::{Result, ensure};
use stateful_harness::{Cluster, Deployment, Namespace, Plugin, PooledPostgres, Postgres, until};
use tokio::time::sleep;

use super::{Comparison, IN_SYNC_WITHIN, Upgrade, measured};

const POOLER: &str = "pgbouncer";
const PRIMARY: &str = "postgres-primary";

/// How long a database may be left to itself after the published script, which ends with nobody behind the Service.
const LEFT_ALONE: Duration = Duration::from_secs(30);

pub(super) async fn compare(cluster: &Cluster, plugin: &Plugin) -> Result<Comparison> {
    let ours = async |namespace: &Namespace| {
        let plugin = plugin.clone().within(namespace);
        plugin.run(&["upgrade", "postgres", "--image", &Postgres::image("15.20"), "-y"]).await?.expect(0).map(drop)
    };
    let rollout = async |namespace: &Namespace| {
        let new = format!("postgres={}", Postgres::image("15.20"));
        super::rolled_out(namespace, "statefulset/postgres", &new).await
    };
    Ok(Comparison {
        title: "PostgreSQL 15.18 to 15.20",
        about: "A primary and two standbys (`examples/postgres`), eight writers with `tokio-postgres`: through two PgBouncers, \
                or by the Service of the primary. The script is the published Ferris wheel (a fourth pod, `pg_ctl promote`, \
                patch the Service, `kubectl delete pod --force`, back to three replicas).",
        ways: vec![
            ("`kubectl stateful upgrade postgres -y`, PgBouncer", upgraded(cluster, POOLER, ours).await?),
            ("the same, the Service", upgraded(cluster, PRIMARY, ours).await?),
            ("`kubectl set image`, `kubectl rollout status`, PgBouncer", upgraded(cluster, POOLER, rollout).await?),
            ("the same, the Service", upgraded(cluster, PRIMARY, rollout).await?),
            ("the published script, the Service", upgraded(cluster, PRIMARY, published).await?),
        ],
    })
}

async fn upgraded(cluster: &Cluster, service: &str, by: impl AsyncFnOnce(&Namespace) -> Result<()>) -> Result<Upgrade> {
    let namespace = cluster.namespace("bench-postgres").await?;
    let postgres = if service == POOLER {
        PooledPostgres::deploy(&namespace, "15.18").await?.servers().clone()
    } else {
        Postgres::deploy(&namespace, "15.18").await?
    };
    let endpoint = postgres.endpoint_through(service).await?;
    measured(endpoint, async || by(&namespace).await, async || settled(&postgres).await).await
}

/// Waits until it is whole. Where nobody is behind the Service any more it is turned to whoever leads, so that what is left
/// can be read.
async fn settled(postgres: &Postgres) -> Result<()> {
    let namespace = postgres.namespace();
    let whole = postgres.in_sync(IN_SYNC_WITHIN).await;
    let led_to = postgres.selected_by_service().await?;
    // Asked in this order: a pod that is going away is one too many, and so is gone by now.
    if namespace.get(&["pod", &led_to]).await.is_ok() {
        return whole;
    }
    sleep(LEFT_ALONE).await;
    let primary = until("somebody leads", IN_SYNC_WITHIN, async || postgres.primary().await).await?;
    turn(namespace, &primary).await?;
    // Nobody acknowledges its commits otherwise, and those who wait would be read as lost.
    let whole = postgres.in_sync(IN_SYNC_WITHIN).await;
    ensure!(false, "the Service led to {led_to}, which is gone; it was turned to {primary} by hand; then: {whole:?}");
    whole
}

async fn published(namespace: &Namespace) -> Result<()> {
    let image = Postgres::image("15.20");
    let patch = format!(
        "{{\"spec\":{{\"replicas\":4,\"template\":{{\"spec\":{{\"containers\":[{{\"name\":\"postgres\",\"image\":\"{image}\"}}]}}}}}}}}"
    );
    let go_on = async |words: &[&str]| {
        if let Err(why) = namespace.kubectl(words).await {
            println!("the published script: {why:#}");
        }
    };
    go_on(&["patch", "statefulset/postgres", "--patch", &patch]).await;
    until("there is a fourth pod", Duration::from_mins(1), async || {
        namespace.get(&["pod", "postgres-3"]).await.map(drop)
    })
    .await?;
    go_on(&["wait", "--for=condition=ready", "pod", "postgres-3", "--timeout=300s"]).await;
    sleep(Duration::from_secs(10)).await; // as it is written there
    go_on(&["exec", "postgres-3", "--", "sh", "-c", "pg_ctl promote -D $PGDATA"]).await;
    turn(namespace, "postgres-3").await?;
    go_on(&["delete", "pod", "postgres-0", "--force"]).await;
    go_on(&["patch", "statefulset/postgres", "--patch", "{\"spec\":{\"replicas\":3}}"]).await;
    Ok(())
}

async fn turn(namespace: &Namespace, to: &str) -> Result<()> {
    let patch = format!("{{\"spec\":{{\"selector\":{{\"statefulset.kubernetes.io/pod-name\":\"{to}\"}}}}}}");
    namespace.kubectl(&["patch", "service/postgres-primary", "--patch", &patch]).await.map(drop)
}
