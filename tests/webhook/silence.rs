//! One database answers nobody; another is judged as before.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use stateful_harness::{Cluster, Frozen, Guard, KubectlProxy, Namespace, Plugin, Pod, PodProcesses, apply, until};

const FORMED_WITHIN: Duration = Duration::from_mins(2);

/// A look that begins within a second, and two seconds for each of its servers, asked at the same time.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

/// How long both are watched.
const WATCHED_FOR: Duration = Duration::from_secs(20);

/// An answer that waited for a server that is silent would take two seconds at least, a look three and a half.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// By how much older what the guard knows of the one that answers may become, in seconds. A look begins every second; were
/// there one line for both, it would become older by the second or two that a look at silent servers takes (1.0 s was seen).
const OLDER: f64 = 0.7;

#[tokio::test]
async fn a_database_that_answers_nobody_delays_no_verdict_about_another() -> Result<()> {
    let cluster = Cluster::find()?;
    let guard = Guard::installed(&cluster).await?;
    let (silent, answering) = (cluster.namespace("guard-silent").await?, cluster.namespace("guard-answers").await?);
    let stops = Database::deploy(&silent).await?;
    let goes_on = Database::deploy(&answering).await?;
    guard.watches(&silent).await?;
    guard.watches(&answering).await?;
    let proxy = KubectlProxy::start(&cluster).await?;
    let before = goes_on.watched(&guard, &proxy).await?;

    let frozen = stops.freeze()?;
    let measured = async {
        until("the silence is noticed", NOTICED_WITHIN, async || {
            let reply = proxy.evict(&silent, &stops.replica, true).await?;
            ensure!(reply.status == 429 && reply.body.contains("STF-DB-004"), "{reply:?}");
            Ok(())
        })
        .await?;
        let during = goes_on.watched(&guard, &proxy).await?;
        // About the silent one it says no, and that at once too.
        let began = Instant::now();
        let reply = proxy.evict(&silent, &stops.replica, true).await?;
        let took = began.elapsed();
        ensure!(reply.status == 429 && took < ANSWERED_WITHIN, "after {took:?}: {reply:?}");
        eprintln!("the silent one: {took:?}, {}", reply.body);
        Ok(during)
    }
    .await;
    drop(frozen);
    let during = measured?;
    eprintln!("before: {before:?}\nduring: {during:?}");
    for (when, seen) in [("before", &before), ("during", &during)] {
        ensure!(seen.slowest < ANSWERED_WITHIN, "{when} an answer took {:?}", seen.slowest);
    }
    let older = during.oldest - before.oldest;
    ensure!(older < OLDER, "what was known became {older} s older");
    until("it is known again", NOTICED_WITHIN, async || {
        let reply = proxy.evict(&silent, &stops.replica, true).await?;
        ensure!(reply.status == 201, "{reply:?}");
        Ok(())
    })
    .await
}

/// How a database was judged for a while.
#[derive(Debug)]
struct Watched {
    answers: u32,
    slowest: Duration,
    /// The oldest evidence either replica of the guard had, in seconds.
    oldest: f64,
}

/// A primary and two replicas in a namespace.
struct Database<'a> {
    namespace: &'a Namespace,
    pods: Vec<Pod>,
    primary: String,
    replica: String,
}

impl<'a> Database<'a> {
    async fn deploy(namespace: &'a Namespace) -> Result<Self> {
        apply(namespace, "redis-replication", "7.0").await?;
        let plugin = Plugin::find(namespace.cluster())?.within(namespace);
        until("three are in sync", FORMED_WITHIN, async || plugin.run(&["check", "redis"]).await?.expect(0).map(drop))
            .await?;
        let status = plugin.run(&["status", "redis", "-o", "json"]).await?.expect(0)?.json()?;
        let of_role = |role: &str| {
            let mut members = status["memberList"].as_array().into_iter().flatten();
            let found = members.find(|member| member["role"] == role).and_then(|member| member["name"].as_str());
            found.map(ToOwned::to_owned).with_context(|| format!("there is no {role}: {status}"))
        };
        let (primary, replica) = (of_role("primary")?, of_role("replica")?);
        let told = namespace.get(&["pods", "--selector", "app.kubernetes.io/name=redis"]).await?;
        let pods = told["items"].as_array().into_iter().flatten().map(Pod::from).collect();
        Ok(Self { namespace, pods, primary, replica })
    }

    /// All its servers stand still, and take connections.
    fn freeze(&self) -> Result<Vec<Frozen>> {
        let processes = self.pods.iter().map(|pod| {
            let node = pod.node.as_deref().with_context(|| format!("{} has no node", pod.name))?;
            PodProcesses::find(node, &pod.uid)?.freeze()
        });
        processes.collect()
    }

    /// Asks about its primary, which may not go, and a replica, which may, again and again.
    async fn watched(&self, guard: &Guard, proxy: &KubectlProxy) -> Result<Watched> {
        let mut watched = Watched { answers: 0, slowest: Duration::ZERO, oldest: 0.0 };
        let began = Instant::now();
        while began.elapsed() < WATCHED_FOR {
            for (pod, status) in [(&self.primary, 429), (&self.replica, 201)] {
                let asked = Instant::now();
                let reply = proxy.evict(self.namespace, pod, true).await?;
                watched.slowest = watched.slowest.max(asked.elapsed());
                watched.answers += 1;
                ensure!(reply.status == status, "{pod}: {reply:?}");
            }
            let ages = ages(guard, self.namespace).await?;
            ensure!(ages.len() == 2, "both replicas know it: {ages:?}");
            watched.oldest = ages.into_iter().fold(watched.oldest, f64::max);
        }
        Ok(watched)
    }
}

/// How old what each replica of the guard knows of a namespace's database is, in seconds.
async fn ages(guard: &Guard, namespace: &Namespace) -> Result<Vec<f64>> {
    let line =
        format!("stateful_guard_assessment_age_seconds{{namespace=\"{}\",workload=\"redis\"}} ", namespace.name());
    let metrics = guard.metrics().await?;
    let age = |text: &String| text.lines().find_map(|told| told.strip_prefix(&line)?.parse().ok());
    Ok(metrics.iter().filter_map(age).collect())
}
