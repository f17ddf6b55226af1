//! LOOK. Reads metrics of the guard's replicas and of the API server.

use jiff::Timestamp;
use kube::api::GetParams;
use kube::core::Request;

use crate::{Cluster, Error, Result};

/// Metrics of a replica of the guard.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaMetrics {
    /// When its certificate expires; `None` while it has none.
    pub certificate_ends: Option<Timestamp>,
    /// Whether it is the leader.
    pub leads: bool,
    /// The databases it has observed: namespace, name, and the age of the last observation in seconds.
    pub looked_at: Vec<(String, String, f64)>,
}

/// Reads a replica's metrics through the API server (`get pods/proxy`).
pub async fn read_replica(cluster: &Cluster, namespace: &str, pod: &str) -> Result<ReplicaMetrics> {
    let text = raw(cluster, &format!("/api/v1/namespaces/{namespace}/pods/{pod}:8080/proxy"), "metrics").await?;
    let value = |name: &str| samples(&text, &format!("stateful_guard_{name}")).next().map(|(_, value)| value);
    let snapshots = samples(&text, "stateful_guard_assessment_age_seconds").filter_map(|(labels, age)| {
        Some((label(labels, "namespace")?.to_owned(), label(labels, "workload")?.to_owned(), age))
    });
    let ends = value("certificate_expiry_timestamp_seconds").filter(|seconds| *seconds > 0.0);
    Ok(ReplicaMetrics {
        certificate_ends: ends.and_then(|seconds| Timestamp::from_second(whole(seconds)).ok()),
        leads: value("leader") == Some(1.0),
        looked_at: snapshots.collect(),
    })
}

/// For each of the guard's webhooks, how many requests passed because it could not be reached, since the answering API server
/// started; a cluster may have several API servers (`get /metrics`).
pub async fn read_fail_opens(cluster: &Cluster) -> Result<Vec<(String, u64)>> {
    let text = raw(cluster, "", "metrics").await?;
    let counts = samples(&text, "apiserver_admission_webhook_fail_open_count").filter_map(|(labels, value)| {
        Some((label(labels, "name")?.to_owned(), u64::try_from(whole(value)).unwrap_or(0)))
    });
    Ok(counts.filter(|(name, _)| name.ends_with(".kubectl-stateful.dev")).collect())
}

async fn raw(cluster: &Cluster, folder: &str, name: &str) -> Result<String> {
    let request = Request::new(folder).get(name, &GetParams::default());
    let request = request.map_err(|error| Error::Answer(error.to_string()))?;
    Ok(cluster.client.request_text(request).await?)
}

/// The samples of a metric in the text format: the unparsed labels, and the value.
fn samples<'a>(text: &'a str, metric: &str) -> impl Iterator<Item = (&'a str, f64)> {
    let metric = metric.to_owned();
    text.lines().filter(|line| !line.starts_with('#')).filter_map(move |line| {
        let rest = line.strip_prefix(&metric)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once('}')?,
            None => ("", rest),
        };
        Some((labels, value.strip_prefix(' ')?.split(' ').next()?.parse().ok()?))
    })
}

/// The value of a label. The values read here are names, which need no escaping.
fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let pairs = labels.split(',').filter_map(|label| label.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.trim_matches('"')).next()
}

#[expect(clippy::cast_possible_truncation, reason = "a cast of a float that is too large gives the largest number")]
fn whole(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests {
    use super::samples;

    #[test]
    fn a_metric_is_not_confused_with_one_whose_name_begins_alike() {
        let text = "# TYPE a counter\na_total 9\na{name=\"x\",type=\"v\"} 3\na{name=\"y\"} 1.5e3 1700000000\na 2\n";
        let found: Vec<_> = samples(text, "a").collect();
        assert_eq!(found, [("name=\"x\",type=\"v\"", 3.0), ("name=\"y\"", 1500.0), ("", 2.0)]);
    }
}
