//! The main job.

use anyhow::{Result, ensure};
use stateful_harness::{Cluster, Load, Plugin, RedisCluster, image, nothing_failed};
use std::time::Duration;

/// What a key may go unwritten beyond what the same client shows with nothing happening.
const PAUSE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn upgrade_under_load_loses_and_fails_nothing() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-upgrade").await?;
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);
    let load = Load::start(&redis.endpoint()).await?;
    tokio::time::sleep(Duration::from_secs(5)).await; // not to wait for anything: this is the baseline
    let idle = load.take_figures();

    let new = image("8.0");
    let ended = plugin.run(&["upgrade", "redis", "--image", &new, "-y", "--canary", "-o", "json"]).await?.expect(0)?;
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)?;
    ensure!(
        during.longest_gap <= idle.longest_gap + PAUSE,
        "{} was not written for {:?}",
        during.of_key,
        during.longest_gap
    );

    let report = ended.json()?;
    ensure!(report["canary"]["lost"] == 0 && report["canary"]["failed"] == 0, "the canary says {}", report["canary"]);
    for pod in redis.pods().await? {
        ensure!(pod.image == new, "{} still runs {}", pod.name, pod.image);
        let version = redis.server(&pod.name).await?.field(&["INFO", "server"], "redis_version").await?;
        ensure!(version.as_ref().is_some_and(|version| version.starts_with("8.")), "{} says {version:?}", pod.name);
    }
    let strategy = namespace.get(&["statefulset", "redis"]).await?["spec"]["updateStrategy"]["type"].clone();
    ensure!(strategy == "RollingUpdate", "the update strategy was left at {strategy}");
    Ok(())
}
