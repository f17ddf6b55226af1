//! `make demo`: a live Redis Cluster goes from 7.0 to 8.0 while eight writers write to it.
#![expect(clippy::print_stdout, reason = "a demo is there to be watched")]

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use stateful_harness::{Cluster, Load, Plugin, RedisCluster, image};
use tokio::time::sleep;

/// Long enough to see what the load looks like with nothing happening.
const BEFORE: Duration = Duration::from_secs(3);

#[tokio::main]
async fn main() -> Result<()> {
    // Interrupted, it still takes its namespaces away.
    tokio::select! {
        ended = run() => ended,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

async fn run() -> Result<()> {
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("demo").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);

    say("A Redis Cluster of six pods, version 7.0, from examples/redis");
    let redis = RedisCluster::deploy(&namespace, "7.0").await?;
    show(&plugin, &["status", "redis"]).await?;

    say("Eight writers, a hundred writes a second each, with a client nobody here wrote");
    let load = Load::start(&redis).await?;
    sleep(BEFORE).await;
    let idle = load.turn_page().longest_gap.as_secs_f64();
    println!("nothing happening: longest time a key was not written {idle:.2} s");

    say(&format!(
        "kubectl stateful upgrade redis --image {} -y --canary --report target/demo/report.html",
        image("8.0")
    ));
    std::fs::create_dir_all("target/demo")?;
    let new = image("8.0");
    let report = "target/demo/report.html";
    let upgraded = show(&plugin, &["upgrade", "redis", "--image", &new, "-y", "--canary", "--report", report]).await;

    let during = load.turn_page();
    let audit = load.stop().await?;
    say("What the writers saw");
    println!(
        "{} writes acknowledged, {} failed, {} unknown, {} lost; longest time a key was not written {:.2} s",
        during.acknowledged,
        during.failed,
        during.unknown,
        audit.lost.len(),
        during.longest_gap.as_secs_f64(),
    );
    println!("The report is in {report}. The namespace {} goes now.", namespace.name());
    upgraded?;
    ensure!(audit.lost.is_empty(), "acknowledged writes are gone: {}", audit.lost.join(", "));
    Ok(())
}

fn say(what: &str) {
    println!("\n== {what}\n");
}

/// Runs the plugin on the terminal the demo runs on: its progress is what there is to see.
async fn show(plugin: &Plugin, args: &[&str]) -> Result<()> {
    let status = plugin.command(args).status().await?;
    ensure!(status.success(), "kubectl stateful {} ended with {status}", args[0]);
    Ok(())
}
