//! A large cluster, as far as a guard that watches it can tell: 200 databases with 10 000 pods that nobody runs.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use stateful_harness::{Cluster, Deployment, Namespace, RedisReplication, until};

use super::api_server;
use super::line::{Endpoint, Line, post};
use super::objects;

/// Databases.
pub(crate) const SETS: usize = 200;

/// Pods of each.
const PODS: usize = 50;

/// All of them.
pub(crate) const ALL: usize = SETS * PODS;

/// Connections that create pods at once.
const LINES: usize = 8;

/// Creates them. The StatefulSets' own controller would take twenty pods a second; so we make the very pods it would
/// make, and it finds them there. A scheduling gate keeps the scheduler from looking at them.
pub(crate) async fn settle(cluster: &Cluster) -> Result<Namespace> {
    let namespace = cluster.namespace("bench-population").await?;
    objects::label(cluster, namespace.name()).await?;
    let endpoint = api_server::endpoint(cluster).await?;
    let name = namespace.name().to_owned();
    tokio::task::spawn_blocking(move || create(&endpoint, &name)).await??;
    until("every pod is there", Duration::from_mins(5), async || {
        let query = format!("/api/v1/namespaces/{}/pods?limit=1", namespace.name());
        let told: Value = serde_json::from_str(&cluster.kubectl(&["get", "--raw", &query]).await?)?;
        let more = told["metadata"]["remainingItemCount"].as_u64().unwrap_or_default();
        ensure!(more + 1 >= ALL as u64, "{} of {ALL} are", more + 1);
        Ok(())
    })
    .await?;
    Ok(namespace)
}

fn create(endpoint: &Endpoint, namespace: &str) -> Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..LINES)
            .map(|first| {
                scope.spawn(move || {
                    let mut line = Line::open(endpoint)?;
                    (first..SETS).step_by(LINES).try_for_each(|set| database(&mut line, namespace, set))
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread that creates pods died")))
        })
    })
}

fn database(line: &mut Line, namespace: &str, index: usize) -> Result<()> {
    let name = format!("redis-{index}");
    let path = format!("/apis/apps/v1/namespaces/{namespace}/statefulsets");
    let set = line.ask(&post(&path, &stateful_set(&name).to_string()))?;
    ensure!(set.status == 201, "{}", set.text());
    let set: Value = serde_json::from_slice(&set.body)?;
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    for ordinal in 0..PODS {
        let made = line.ask(&post(&path, &pod(&name, ordinal, &set["metadata"]["uid"]).to_string()))?;
        // 409: the controller was quicker with this one.
        ensure!(made.status == 201 || made.status == 409, "{}", made.text());
    }
    Ok(())
}

fn stateful_set(name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "redis"}},
        "spec": {
            "serviceName": "redis",
            "replicas": PODS,
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec()},
        },
    })
}

fn pod(set: &str, ordinal: usize, uid: &Value) -> Value {
    let name = format!("{set}-{ordinal}");
    let mut spec = spec();
    spec["hostname"] = json!(name);
    spec["subdomain"] = json!("redis");
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {
                "app": set,
                "statefulset.kubernetes.io/pod-name": name,
                "apps.kubernetes.io/pod-index": ordinal.to_string(),
            },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "StatefulSet", "name": set, "uid": uid,
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": spec,
    })
}

/// With what pods of databases usually have: probes, resources, settings.
fn spec() -> Value {
    let probe = json!({"exec": {"command": ["redis-cli", "ping"]}, "periodSeconds": 5});
    json!({
        "schedulingGates": [{"name": "stateful-bench/never"}],
        "containers": [{
            "name": "redis",
            "image": RedisReplication::image("7.0"),
            "command": ["redis-server", "/etc/redis/redis.conf"],
            "ports": [{"name": "redis", "containerPort": 6379}],
            "env": [{"name": "TZ", "value": "UTC"}, {"name": "MODE", "value": "replication"}],
            "resources": {"requests": {"cpu": "500m", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
            "readinessProbe": probe,
            "livenessProbe": probe,
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }],
        "volumes": [{"name": "data", "emptyDir": {}}],
    })
}
