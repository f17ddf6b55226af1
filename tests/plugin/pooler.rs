//! Clients behind `PgBouncer` wait while the role moves, and never notice more than that. How long they wait is printed: most
//! of it is until each node's proxy has followed the Service, which on a busy machine of two cores takes up to seconds.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use stateful_harness::{
    Cluster, Load, Namespace, PausedKubeProxy, Plugin, Postgres, nothing_failed, nothing_lost, postgres_image, until,
};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// A pause that is called off waits for transactions for two seconds; the rest is the plugin's own beginning and end.
const CALLED_OFF: Duration = Duration::from_secs(4);

/// The watchdog's second round comes a second after its first.
const RESUMED_WITHIN: Duration = Duration::from_secs(10);

/// How late a proxy that has just followed another change may be (`minSyncPeriod` is a second), less what kubectl takes to tell.
const LATE_BY: Duration = Duration::from_millis(700);

/// What a writer shows before anything happens.
const A_WHILE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_switchover_behind_a_pooler_fails_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-pooler-switchover").await?;
    let (database, plugin) = deployed(&cluster, &namespace).await?;
    let load = load(&database).await?;
    for _ in 0..3 {
        tokio::time::sleep(A_WHILE).await; // not to wait for anything: this is the baseline
        let idle = load.take_figures();
        let before = database.primary().await?;
        let ended = plugin.run(&["switchover", "postgres", "-y", "-o", "json"]).await?.expect(0)?;
        let during = load.take_figures();
        eprintln!("{ended}");
        eprintln!("longest gap {:?}, with nothing happening {:?}; {during:?}", during.longest_gap, idle.longest_gap);
        ensure!(database.primary().await? != before, "nobody took over");
        ensure!(during.failed + during.unknown == 0, "{during:?}\n{:?}", load.stop().await?.errors);
        nobody_waits(&namespace).await?;
        database.in_sync(Duration::from_mins(1)).await?;
    }
    let during = load.take_figures();
    nothing_failed(&during, &load.stop().await?)
}

#[tokio::test]
async fn a_minor_upgrade_behind_a_pooler_fails_and_loses_nothing() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-pooler-upgrade").await?;
    let (database, plugin) = deployed(&cluster, &namespace).await?;
    let load = load(&database).await?;
    let ended = plugin.run(&["upgrade", "postgres", "--version", "15.20", "-y", "-o", "json"]).await?;
    let during = load.take_figures();
    eprintln!("{ended}\nlongest gap {:?}; {during:?}", during.longest_gap);
    ended.expect(0)?;
    nothing_failed(&during, &load.stop().await?)?;
    for pod in database.pods().await? {
        ensure!(pod.image == postgres_image("15.20"), "{} runs {}", pod.name, pod.image);
    }
    nobody_waits(&namespace).await
}

/// The old primary answers again, as a standby, before that node's clients are led to the new one.
#[tokio::test]
async fn a_node_whose_proxy_follows_a_second_late_fails_no_write() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-pooler-late").await?;
    let (database, plugin) = deployed(&cluster, &namespace).await?;
    let load = load(&database).await?;
    let told = namespace.get(&["pods", "--selector", "app.kubernetes.io/name=pgbouncer"]).await?;
    let node = told["items"][0]["spec"]["nodeName"].as_str().context("a pooler on no node")?.to_owned();
    let before = database.primary().await?;
    let mut running = plugin.start(&["switchover", "postgres", "-y", "--progress=json"])?;
    running.step_started(0).await?;
    let late = PausedKubeProxy::pause(&node)?;
    until("the Service is turned", Duration::from_secs(30), async || {
        let service = namespace.get(&["service", "postgres-primary"]).await?;
        let leads_to = &service["spec"]["selector"]["statefulset.kubernetes.io/pod-name"];
        ensure!(leads_to.as_str().is_some_and(|member| member != before), "it leads to {leads_to}");
        Ok(())
    })
    .await?;
    tokio::time::sleep(LATE_BY).await; // the lateness itself
    drop(late);
    running.end().await?.expect(0)?;
    let during = load.take_figures();
    eprintln!("longest gap {:?}; {during:?}", during.longest_gap);
    nobody_waits(&namespace).await?;
    nothing_failed(&during, &load.stop().await?)
}

#[tokio::test]
async fn a_long_transaction_calls_the_handover_off_and_nobody_is_left_waiting() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-pooler-transaction").await?;
    let (database, plugin) = deployed(&cluster, &namespace).await?;
    let load = load(&database).await?;
    let before = database.primary().await?;
    // Connected before and begun at the last moment: one that is open for longer the judge sees, and does not even begin;
    // and who has to connect first may come when the handover is over.
    let busy = client_of_a_pooler(&namespace).await?;
    let arguments = ["switchover", "postgres", "-y", "--progress=json", "--step-timeout", "15s"];
    let mut running = plugin.start(&arguments)?;
    running.step_started(0).await?;
    busy.batch_execute("BEGIN; SELECT 1").await?;
    let called_off = running.event(|event| event["event"] == "stepWaiting").await?.context("nobody said so")?;
    let why = called_off["why"].as_str().unwrap_or_default();
    ensure!(why.contains("in the middle of a transaction") && why.contains("pgbouncer-"), "{why}");
    ensure!(running.end().await?.code != Some(0), "it went through");
    let during = load.take_figures();
    eprintln!("longest gap {:?}; {during:?}\n{why}", during.longest_gap);
    nobody_waits(&namespace).await?;
    ensure!(database.primary().await? == before, "the role moved");
    busy.batch_execute("COMMIT").await.context("the transaction was cut off")?;
    nothing_failed(&during, &load.stop().await?)?;
    ensure!(during.longest_gap < CALLED_OFF, "clients waited for {:?}", during.longest_gap);
    Ok(())
}

#[tokio::test]
async fn a_plugin_that_is_killed_in_the_pause_leaves_nobody_waiting() -> Result<()> {
    let cluster = Cluster::alone().await?;
    let namespace = cluster.namespace("law-pooler-killed").await?;
    let (database, plugin) = deployed(&cluster, &namespace).await?;
    let load = load(&database).await?;
    let busy = client_of_a_pooler(&namespace).await?;
    let mut running = plugin.start(&["switchover", "postgres", "-y", "--progress=json"])?;
    running.step_started(0).await?;
    // So that the pause lasts: it waits for this one.
    busy.batch_execute("BEGIN; SELECT 1").await?;
    until("somebody waits", Duration::from_secs(10), async || match nobody_waits(&namespace).await {
        Ok(()) => bail!("nobody does"),
        Err(_) => Ok(()),
    })
    .await?;
    running.kill().await?;
    let killed = Instant::now();
    until("nobody waits any more", RESUMED_WITHIN, async || nobody_waits(&namespace).await).await?;
    eprintln!("resumed {:?} after the plugin was killed", killed.elapsed());
    busy.batch_execute("COMMIT").await.context("the transaction was cut off")?;
    tokio::time::sleep(A_WHILE).await; // whoever was still to be resumed would show now
    nobody_waits(&namespace).await?;
    let during = load.take_figures();
    eprintln!("longest gap {:?}; {during:?}", during.longest_gap);
    nothing_lost(&load.stop().await?)?;
    ensure!(during.failed + during.unknown == 0, "{during:?}");
    Ok(())
}

pub(crate) async fn deployed<'a>(cluster: &Cluster, namespace: &'a Namespace) -> Result<(Postgres, Plugin)> {
    let database = Postgres::deploy(namespace, "15.18").await?;
    database.deploy_pooler().await?;
    Ok((database, Plugin::find(cluster)?.within(namespace)))
}

/// Writers behind the poolers, as soon as each node's proxy leads there.
pub(crate) async fn load(database: &Postgres) -> Result<Load> {
    let endpoint = database.endpoint("pgbouncer").await?;
    until("clients are served", Duration::from_secs(30), async || Load::start(&endpoint).await).await
}

/// An application's connection by way of a pooler, which does nothing yet.
async fn client_of_a_pooler(namespace: &Namespace) -> Result<Client> {
    let address = &poolers(namespace).await?[0];
    client(namespace, address, "app", ("postgres", "app-password")).await
}

/// Asks every pooler whether anything is paused.
pub(crate) async fn nobody_waits(namespace: &Namespace) -> Result<()> {
    for address in poolers(namespace).await? {
        let console = client(namespace, &address, "pgbouncer", ("pgbouncer", "admin-password")).await?;
        for message in console.simple_query("SHOW DATABASES").await? {
            if let SimpleQueryMessage::Row(row) = message {
                ensure!(row.get("paused") != Some("1"), "{:?} of {address} is paused", row.get("name"));
            }
        }
    }
    Ok(())
}

/// Addresses of the poolers' pods.
pub(crate) async fn poolers(namespace: &Namespace) -> Result<Vec<String>> {
    let told = namespace.get(&["pods", "--selector", "app.kubernetes.io/name=pgbouncer"]).await?;
    let pods = told["items"].as_array().context("no list")?;
    let address = |pod: &serde_json::Value| pod["status"]["podIP"].as_str().map(ToOwned::to_owned);
    pods.iter().map(|pod| address(pod).context("a pooler without an address")).collect()
}

/// A client of one pooler, as the user that has the name of the database.
pub(crate) async fn client(namespace: &Namespace, address: &str, name: &str, secret: (&str, &str)) -> Result<Client> {
    let decode = format!("go-template={{{{index .data \"{}\" | base64decode}}}}", secret.1);
    let password = namespace.kubectl(&["get", "secret", secret.0, "-o", &decode]).await?;
    let mut config = Config::new();
    config.host(address).port(6432).user(name).password(password).dbname(name);
    let (client, talk) = config.connect(NoTls).await?;
    // Ends with its client.
    tokio::spawn(async { drop(talk.await) });
    Ok(client)
}
