//! `make demo`: a live database goes to its next release while eight writers write to it: a Redis Cluster from 7.0 to 8.0,
//! or with `ENGINE=mongodb` a replica set from 5.0 to 6.0.
//!
//! With `CLUSTER=existing` and `KUBECONFIG` this happens on the user's own cluster, with the official images.
#![expect(clippy::print_stdout, reason = "a demo is there to be watched")]

use std::pin::pin;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use stateful_harness::{Cluster, Deployment, Engine, Load, Mongodb, Namespace, Plugin, RedisCluster};
use tokio::time::{Instant, interval, sleep};

/// Long enough to see what the load looks like with nothing happening.
const BEFORE: Duration = Duration::from_secs(3);

/// How often a line is printed while nothing else is: a user may wonder after 10 s whether anything happens.
const LINE_EVERY: Duration = Duration::from_secs(8);

/// How many errors of the writers are printed: enough to see what went wrong, and not one for each write of a bad minute.
const ERRORS_SHOWN: usize = 10;

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
            let mongodb = deploy(&namespace, shown, Mongodb::deploy_unchanged(&namespace, shown.from)).await?;
            began(&plugin, shown).await?;
            Load::start(&mongodb.endpoint().await?).await?
        }
        _ => {
            let redis = deploy(&namespace, shown, RedisCluster::deploy(&namespace, shown.from)).await?;
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
    for error in audit.errors.iter().take(ERRORS_SHOWN) {
        println!("{error}");
    }
    println!("The report is in {report}. The namespace {} is deleted now.", namespace.name());
    upgraded?;
    ensure!(audit.lost.is_empty(), "acknowledged writes are gone: {}", audit.lost.join(", "));
    Ok(())
}

fn say(what: &str) {
    println!("\n== {what}\n");
}

/// Waits for a deployment, and prints meanwhile how many of its pods are ready.
async fn deploy<D: Deployment>(
    namespace: &Namespace,
    shown: &Shown,
    deployed: impl Future<Output = Result<D>>,
) -> Result<D> {
    let selector = format!("app.kubernetes.io/name={}", shown.target);
    let started = Instant::now();
    let mut lines = interval(LINE_EVERY);
    lines.tick().await; // the first tick comes at once
    let mut deployed = pin!(deployed);
    loop {
        tokio::select! {
            database = &mut deployed => return database,
            _ = lines.tick() => {
                let pods = namespace.pods(&selector).await?;
                let ready = pods.iter().filter(|pod| pod.ready).count();
                println!("{:4.0} s: {ready} of {} pods are ready", started.elapsed().as_secs_f64(), pods.len());
            }
        }
    }
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
    say("Eight writers, each with a client of the published driver");
    Ok(())
}
