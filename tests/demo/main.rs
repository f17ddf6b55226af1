//! `make demo`: a live database goes to its next release while eight writers write to it: a Redis Cluster from 7.0 to 8.0,
//! or with `ENGINE=mongodb` a replica set from 5.0 to 6.0.
#![expect(clippy::print_stdout, reason = "a demo is there to be watched")]

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use stateful_harness::{Cluster, Deployment, Engine, Load, Mongodb, Plugin, RedisCluster};
use tokio::time::sleep;

/// Long enough to see what the load looks like with nothing happening.
const BEFORE: Duration = Duration::from_secs(3);

/// A database that is shown.
struct Shown {
    /// What `ENGINE` says.
    engine: &'static str,
    what: &'static str,
    /// The workload, as a user names it.
    target: &'static str,
    from: &'static str,
    to: &'static str,
    image: fn(&str) -> String,
}

/// The first where nobody says which.
const SHOWN: &[Shown] = &[
    Shown {
        engine: "redis",
        what: "A Redis Cluster of six pods, version 7.0, from examples/redis",
        target: "redis",
        from: "7.0",
        to: "8.0",
        image: RedisCluster::image,
    },
    Shown {
        engine: "mongodb",
        what: "A MongoDB replica set of three, version 5.0, from examples/mongodb",
        target: "mongo",
        from: "5.0",
        to: "6.0",
        image: Mongodb::image,
    },
];

#[tokio::main]
async fn main() -> Result<()> {
    // Interrupted, it still takes its namespaces away.
    tokio::select! {
        ended = run() => ended,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    }
}

async fn run() -> Result<()> {
    let wanted = std::env::var("ENGINE").unwrap_or_default();
    let Some(shown) = SHOWN.iter().find(|shown| shown.engine == wanted || wanted.is_empty()) else {
        let names: Vec<&str> = SHOWN.iter().map(|shown| shown.engine).collect();
        bail!("there is no demo of {wanted}; ENGINE is one of: {}", names.join(", "));
    };
    let cluster = Cluster::find()?;
    let namespace = cluster.namespace("demo").await?;
    let plugin = Plugin::find(&cluster)?.within(&namespace);

    say(shown.what);
    let load = match shown.engine {
        "mongodb" => {
            let mongodb = Mongodb::deploy_unchanged(&namespace, shown.from).await?;
            began(&plugin, shown).await?;
            Load::start(&mongodb.endpoint().await?).await?
        }
        _ => {
            let redis = RedisCluster::deploy(&namespace, shown.from).await?;
            began(&plugin, shown).await?;
            Load::start(&redis.endpoint().await?).await?
        }
    };
    sleep(BEFORE).await;
    let idle = load.take_figures().longest_gap.as_secs_f64();
    println!("nothing happening: longest time a key was not written {idle:.2} s");

    let new = (shown.image)(shown.to);
    say(&format!(
        "kubectl stateful upgrade {} --image {new} -y --canary --report target/demo/report.html",
        shown.target
    ));
    std::fs::create_dir_all("target/demo")?;
    let report = "target/demo/report.html";
    let upgraded =
        show(&plugin, &["upgrade", shown.target, "--image", &new, "-y", "--canary", "--report", report]).await;

    let during = load.take_figures();
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

/// The database is there.
async fn began(plugin: &Plugin, shown: &Shown) -> Result<()> {
    show(plugin, &["status", shown.target]).await?;
    say("Eight writers, with a client nobody here wrote");
    Ok(())
}
