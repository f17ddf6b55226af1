//! One database answers nothing; another is judged as before.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use stateful_harness::{Context, Deployment, Frozen, Guard, Pod, PodProcesses, RedisReplication, note, until};

/// An observation that begins within a second, and two seconds for each of its servers, asked at the same time.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

/// How long both are watched.
const WATCHED_FOR: Duration = Duration::from_secs(20);

/// An answer that waited for a silent server would take two seconds at least, an observation three and a half.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// By how much older the guard's evidence about the database that answers may become, in seconds. An observation begins every second; were
/// there one queue for both databases, the evidence would become older by the second or two that an observation of silent servers takes
/// (1.0 s was seen).
const OLDER: f64 = 0.7;

pub(super) async fn a_database_that_does_not_answer_delays_no_verdict_about_another(
    context: &mut Context,
) -> Result<()> {
    let guard = context.guard().await?;
    let silent = context.deploy(async |namespace| Database::deploy(namespace).await).await?;
    let answers = context.deploy(async |namespace| Database::deploy(namespace).await).await?;
    guard.watch(silent.redis.namespace()).await?;
    guard.watch(answers.redis.namespace()).await?;
    // The evidence becomes older too while other laws keep the machine busy.
    let quiet = context.quiet().await?;
    let before = answers.watch(&guard).await?;

    let frozen = silent.freeze()?;
    until("the silence is noticed", NOTICED_WITHIN, async || {
        let reply = silent.redis.namespace().evict_dry_run(&silent.replica).await?;
        ensure!(reply.status == 429 && reply.body.contains("STF-DB-004"), "{reply:?}");
        Ok(())
    })
    .await?;
    let during = answers.watch(&guard).await?;
    // About the silent one the answer is no, and that at once too.
    let began = Instant::now();
    let reply = silent.redis.namespace().evict_dry_run(&silent.replica).await?;
    let took = began.elapsed();
    ensure!(reply.status == 429 && took < ANSWERED_WITHIN, "after {took:?}: {reply:?}");
    note!("the silent one: {took:?}, {}", reply.body);
    drop(frozen);
    drop(quiet);
    note!("before: {before:?}\nduring: {during:?}");
    for (when, watched) in [("before", &before), ("during", &during)] {
        ensure!(watched.slowest < ANSWERED_WITHIN, "{when} an answer took {:?}", watched.slowest);
    }
    let older = during.oldest - before.oldest;
    ensure!(older < OLDER, "the evidence became {older} s older");
    until("it answers again", NOTICED_WITHIN, async || {
        let reply = silent.redis.namespace().evict_dry_run(&silent.replica).await?;
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
    /// The oldest evidence that either replica of the guard had, in seconds.
    oldest: f64,
}

/// A primary and two replicas.
struct Database {
    redis: RedisReplication,
    pods: Vec<Pod>,
    primary: String,
    replica: String,
}

impl Database {
    async fn deploy(namespace: &stateful_harness::Namespace) -> Result<Self> {
        let redis = RedisReplication::deploy(namespace, "7.0").await?;
        let (pods, primary) = (redis.pods().await?, redis.primary().await?);
        let replica = redis.replicas().await?.into_iter().next().context("there is no replica")?;
        Ok(Self { redis, pods, primary, replica })
    }

    /// Freezes all its servers.
    fn freeze(&self) -> Result<Vec<Frozen>> {
        let processes = self.pods.iter().map(|pod| {
            let node = pod.node.as_deref().with_context(|| format!("{} has no node", pod.name))?;
            PodProcesses::find(node, &pod.uid)?.freeze()
        });
        processes.collect()
    }

    /// Requests evictions of its primary, which may not go, and of a replica, which may, again and again.
    async fn watch(&self, guard: &Guard) -> Result<Watched> {
        let namespace = self.redis.namespace();
        let mut watched = Watched { answers: 0, slowest: Duration::ZERO, oldest: 0.0 };
        let began = Instant::now();
        while began.elapsed() < WATCHED_FOR {
            for (pod, status) in [(&self.primary, 429), (&self.replica, 201)] {
                let requested = Instant::now();
                let reply = namespace.evict_dry_run(pod).await?;
                watched.slowest = watched.slowest.max(requested.elapsed());
                watched.answers += 1;
                ensure!(reply.status == status, "{pod}: {reply:?}");
            }
            let ages = ages(guard, namespace.name()).await?;
            ensure!(ages.len() == 2, "both replicas observe it: {ages:?}");
            watched.oldest = ages.into_iter().fold(watched.oldest, f64::max);
        }
        Ok(watched)
    }
}

/// The age of each replica's evidence about a namespace's database, in seconds.
async fn ages(guard: &Guard, namespace: &str) -> Result<Vec<f64>> {
    let line = format!("stateful_guard_assessment_age_seconds{{namespace=\"{namespace}\",workload=\"redis\"}} ");
    let metrics = guard.metrics().await?;
    let age = |text: &String| text.lines().find_map(|metric| metric.strip_prefix(&line)?.parse().ok());
    Ok(metrics.iter().filter_map(age).collect())
}
