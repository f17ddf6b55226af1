//! The guard beside others of its kind: how soon it answers, what it takes of memory, what an eviction costs with it.

mod api_server;
mod certificate;
mod cores;
mod direct;
mod line;
mod memory;
mod objects;
mod page;
mod population;
mod review;
mod servers;
mod spread;
mod through;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Deployment, Namespace, RedisReplication, until};

use certificate::Certificate;
use direct::Row;
use memory::Footprint;
pub(crate) use objects::clean;
pub(crate) use page::section;
use servers::{Running, Site};

/// A primary, two replicas and their volumes, on two busy cores.
const FORMED_WITHIN: Duration = Duration::from_mins(3);

/// A pod of no database, beside one.
const LONER: &str = "loner";

/// Everything measured.
pub(crate) struct Measured {
    direct: Vec<Row>,
    through: Vec<through::Way>,
    /// With nothing but what the cluster has anyway.
    small: Footprint,
    /// Right after all the load above, in MiB.
    after_load: f64,
    /// With the large population.
    large: Footprint,
    /// Peers that are not in the tables, and why not.
    absent: Vec<String>,
}

/// The binaries that are measured. Without Go there are fewer.
struct Built {
    guard: PathBuf,
    echo: PathBuf,
    hello: Result<PathBuf>,
    gatekeeper: Result<(PathBuf, PathBuf)>,
}

impl Built {
    async fn all() -> Result<Self> {
        Ok(Self {
            guard: servers::guard().await?,
            echo: servers::echo().await?,
            hello: servers::hello().await,
            gatekeeper: servers::gatekeeper().await,
        })
    }
}

/// Measures, and takes everything away again, however it ends.
pub(crate) async fn measure(cluster: &Cluster) -> Result<Measured> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let built = Built::all().await?;
    clean(cluster).await?;
    let measured = measured(cluster, &built).await;
    clean(cluster).await?;
    measured
}

async fn measured(cluster: &Cluster, built: &Built) -> Result<Measured> {
    objects::policies_kind(cluster).await?;
    let namespace = database(cluster).await?;
    let address = address(cluster).await?;
    let certificate = Certificate::make(servers::root()?.join("target/bench/tls"), address)?;
    let site = Site { cluster, namespace: namespace.name(), certificate: &certificate, address };
    let (small, guard) = memory::measure(&built.guard, &site).await?;
    println!("guard: {small:?}");

    let member = review::review(namespace.name(), through::REPLICA);
    let loner = review::review(namespace.name(), LONER);
    guard.allows(&member).await?;
    guard.allows(&loner).await?;
    let echo = Running::echo(&built.echo, &site).await?;
    let (mut absent, mut others) = (Vec::new(), Vec::new());
    match started_hello(built, &site, &member).await {
        Ok(hello) => others.push(("controller-runtime", "hello", hello)),
        Err(why) => absent.push(format!("controller-runtime: {why:#}")),
    }
    match started_gatekeeper(built, &site, &member).await {
        Ok(gatekeeper) => others.push(("Gatekeeper", "gatekeeper", gatekeeper)),
        Err(why) => absent.push(format!("Gatekeeper: {why:#}")),
    }
    for why in &absent {
        println!("not measured: {why}");
    }

    let mut asked = vec![("guard, a replica", &guard, member.clone()), ("guard, no database's", &guard, loner)];
    asked.push(("echo", &echo, member.clone()));
    asked.extend(others.iter().map(|(who, _, server)| (*who, server, member.clone())));
    let direct = direct::measure(&asked).await?;
    let (after_load, _) = guard.memory()?;
    for row in &direct {
        println!("asked directly: {row:?}");
    }

    let mut ways = vec![through::NONE, through::POLICY];
    objects::policy(cluster, namespace.name(), through::POLICY).await?;
    let servers = [("guard", &guard), ("echo", &echo)];
    for (ask, server) in servers.into_iter().chain(others.iter().map(|(_, ask, server)| (*ask, server))) {
        objects::webhook(cluster, namespace.name(), ask, server, &certificate.authority).await?;
        ways.push(ask);
    }
    through::budgeted(cluster, namespace.name()).await?;
    let through = through::measure(cluster, namespace.name(), through::REPLICA, &ways).await?;
    for way in &through {
        println!("asked through the API server: {way:?}");
    }
    guard.end().await?;
    drop((echo, others));

    let population = population::settle(cluster).await?;
    objects::guarded(cluster, population.name(), true).await?;
    let ended = memory::measure(&built.guard, &site).await;
    objects::guarded(cluster, population.name(), false).await?;
    let (large, guard) = ended?;
    guard.end().await?;
    println!("guard, many pods: {large:?}");
    Ok(Measured { direct, through, small, after_load, large, absent })
}

/// A guarded database in sync, and a pod that belongs to none.
async fn database(cluster: &Cluster) -> Result<Namespace> {
    let namespace = cluster.namespace("bench-guard").await?;
    objects::label(cluster, namespace.name()).await?;
    RedisReplication::deploy(&namespace, "7.0").await?;
    let (name, image) = (LONER, RedisReplication::image("7.0"));
    let manifest = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers: [{{name: redis, image: '{image}', command: [redis-server]}}]\n"
    );
    namespace.create(&manifest).await?;
    until("the database and its neighbour run", FORMED_WITHIN, async || {
        let pods = namespace.get(&["pods"]).await?;
        let ready = |pod: &&serde_json::Value| pod["status"]["containerStatuses"][0]["ready"] == true;
        let count = pods["items"].as_array().into_iter().flatten().filter(ready).count();
        ensure!(count == 4, "{count} of 4 pods are ready");
        Ok(())
    })
    .await?;
    objects::guarded(cluster, namespace.name(), true).await?;
    Ok(namespace)
}

/// This machine's address as the API server, and with it every node, sees it: where the API server itself is.
async fn address(cluster: &Cluster) -> Result<IpAddr> {
    let endpoint = api_server::endpoint(cluster).await?;
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(endpoint.address).context("the API server is not on this machine's networks")?;
    Ok(socket.local_addr()?.ip())
}

async fn started_hello(built: &Built, site: &Site<'_>, review: &str) -> Result<Running> {
    let binary = built.hello.as_ref().map_err(|why| anyhow::anyhow!("not built: {why:#}"))?;
    let hello = Running::hello(binary, site).await?;
    hello.allows(review).await?;
    Ok(hello)
}

async fn started_gatekeeper(built: &Built, site: &Site<'_>, review: &str) -> Result<Running> {
    let (binary, source) = built.gatekeeper.as_ref().map_err(|why| anyhow::anyhow!("not built: {why:#}"))?;
    objects::gatekeeper_crds(site.cluster, source).await?;
    let gatekeeper = Running::gatekeeper(binary, site).await?;
    objects::gatekeeper_rule(site.cluster).await?;
    gatekeeper.allows(review).await?;
    Ok(gatekeeper)
}
