//! Asked through the API server: dry-run evictions of one running pod over one connection. Whom the API server asks about
//! one is told by the eviction's own labels, so that all ways take turns, one eviction each, and everything is installed
//! all the time.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use stateful_harness::{Cluster, until};

use super::api_server;
use super::line::{Endpoint, Line, post};
use super::objects::webhook_name;
use super::review::{REFUSE, eviction};
use super::spread::Spread;

/// Rounds; odd, so that there is a median.
const ROUNDS: u32 = 7;

/// Evictions of each way in a round.
const EACH: u32 = 60;

/// An eviction that no webhook and no policy is asked about.
pub(crate) const NONE: &str = "none";

/// What the API server's own policy is asked about.
pub(crate) const POLICY: &str = "policy";

/// One way through the API server.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// How long the client waits for its eviction.
    pub(crate) spread: Spread,
    /// What the call of the webhook took, as the API server has measured it: the mean. It counts no policies.
    pub(crate) call: Option<Duration>,
}

/// Evicts, by each way in turn. `ways` are the labels; the first is asked of no webhook.
pub(crate) async fn measure(cluster: &Cluster, namespace: &str, pod: &str, ways: &[&'static str]) -> Result<Vec<Way>> {
    let endpoint = api_server::endpoint(cluster).await?;
    let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
    let questions: Vec<Vec<u8>> =
        ways.iter().map(|way| post(&path, &eviction(namespace, pod, way).to_string())).collect();
    let mut refused = eviction(namespace, pod, POLICY);
    refused["metadata"]["labels"][REFUSE] = "yes".into();
    all_are_asked(cluster, &endpoint, ways, &questions, &post(&path, &refused.to_string())).await?;
    let before = counts(cluster, ways).await?;
    let rounds = tokio::task::spawn_blocking(move || rounds(&endpoint, &questions)).await??;
    let after = counts(cluster, ways).await?;
    let mut measured = Vec::new();
    for (((way, before), after), rounds) in ways.iter().zip(before).zip(after).zip(&rounds) {
        let asked = after.calls - before.calls;
        let wanted = if is_webhook(way) { f64::from(ROUNDS * EACH) } else { 0.0 };
        ensure!(asked >= wanted, "{way} was asked {asked} times instead of {wanted}");
        let call = is_webhook(way).then(|| Duration::from_secs_f64((after.seconds - before.seconds) / asked));
        measured.push(Way { name: way, spread: Spread::over(rounds), call });
    }
    Ok(measured)
}

/// Waits until every way is in force: the API server takes new configurations a moment later.
async fn all_are_asked(
    cluster: &Cluster,
    endpoint: &Endpoint,
    ways: &[&str],
    questions: &[Vec<u8>],
    refused: &[u8],
) -> Result<()> {
    until("every webhook is asked", Duration::from_mins(1), async || {
        let mut line = Line::open(endpoint)?;
        for (way, question) in ways.iter().zip(questions) {
            let reply = line.ask(question)?;
            ensure!(reply.status == 201, "{way}: {}", reply.text());
        }
        let reply = line.ask(refused)?;
        ensure!(reply.status != 201, "the policy lets everything pass");
        let counts = counts(cluster, ways).await?;
        for (way, count) in ways.iter().zip(counts) {
            ensure!(!is_webhook(way) || count.calls > 0.0, "{way} has not been asked");
        }
        Ok(())
    })
    .await
}

/// Of a policy the API server counts the refusals alone.
fn is_webhook(way: &str) -> bool {
    way != NONE && way != POLICY
}

/// What the API server counts of a webhook.
struct Count {
    calls: f64,
    seconds: f64,
}

async fn counts(cluster: &Cluster, ways: &[&str]) -> Result<Vec<Count>> {
    let metrics = cluster.kubectl(&["get", "--raw", "/metrics"]).await?;
    let sum = |way: &str, what: &str| {
        let series = format!("apiserver_admission_webhook_admission_duration_seconds_{what}{{");
        let label = format!("name=\"{}\"", webhook_name(way));
        let lines = metrics.lines().filter(|line| line.starts_with(&series) && line.contains(&label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    Ok(ways.iter().map(|way| Count { calls: sum(way, "count"), seconds: sum(way, "sum") }).collect())
}

fn rounds(endpoint: &Endpoint, questions: &[Vec<u8>]) -> Result<Vec<Vec<Spread>>> {
    let mut line = Line::open(endpoint)?;
    let mut all = vec![Vec::new(); questions.len()];
    for _ in 0..ROUNDS {
        let mut took = vec![Vec::new(); questions.len()];
        let mut errors = vec![0; questions.len()];
        for turn in 0..EACH {
            for place in 0..questions.len() {
                let way = (place + turn as usize) % questions.len();
                let asked = Instant::now();
                let reply = line.ask(&questions[way])?;
                if is_success(&reply.body) {
                    took[way].push(asked.elapsed());
                } else {
                    println!("not evicted: {}", reply.text());
                    errors[way] += 1;
                }
            }
        }
        for (way, (took, errors)) in took.into_iter().zip(errors).enumerate() {
            let wall = took.iter().sum();
            all[way].push(Spread::of(took, errors, wall));
        }
    }
    Ok(all)
}

fn is_success(body: &[u8]) -> bool {
    serde_json::from_slice(body).is_ok_and(|status: Value| status["status"] == "Success")
}

/// The replica that is evicted: the second pod of the example.
pub(crate) const REPLICA: &str = "redis-1";

/// Waits until a budget lets the replica go: without one the way through the API server is shorter.
pub(crate) async fn budgeted(cluster: &Cluster, namespace: &str) -> Result<()> {
    until("the database has a budget", Duration::from_mins(1), async || {
        let budgets = cluster.get(&["poddisruptionbudgets", "--namespace", namespace]).await?;
        let first = budgets["items"].get(0).context("there is none")?;
        let allowed = first["status"]["disruptionsAllowed"].as_i64();
        ensure!(allowed.is_some_and(|allowed| allowed > 0), "it allows {allowed:?}");
        Ok(())
    })
    .await
}
