//! Laws of when a replica leads, and which databases it examines for an unfinished switchover.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, Uri};
use jiff::Timestamp;
use prometheus_client::metrics::gauge::Gauge;
use serde_json::{Value, json};
use stateful_cluster::Cluster;
use stateful_cluster::connection;
use stateful_cluster::connection::ClientOptions;
use stateful_cluster::inventory::{Inventory, Model};
use stateful_cluster::locks::{LIFETIME, lock_name};
use stateful_safety::{Assessment, MemberState, ReplicaGroup, Role, Sync, WorkloadId};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::{LEASE, find_unfinished, run};
use crate::evaluation::observation::Observation;
use crate::evaluation::state::GuardState;
use crate::rules::fixtures::{guarded, namespace, redis};

/// The operation lock on `shop/redis`; without a holder it was released.
fn lock(holder: Option<&str>) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": lock_name("redis"), "namespace": "shop"}, "spec": {"holderIdentity": holder}})
}

/// An observation of `shop/redis`: one group with a member in this role.
fn observed(role: Role) -> HashMap<WorkloadId, Observation> {
    let member = MemberState {
        name: "redis-0".to_owned(),
        role,
        sync: Sync::InSync { lag_bytes: 0 },
        lag_seconds: None,
        version: None,
        persists: true,
        lost_directory: None,
        priority: MemberState::NO_PREFERENCE,
        confirms_writes: true,
    };
    let group = ReplicaGroup { name: "main".to_owned(), members: vec![member], write_quorum: 1 };
    let (quorums, blockers) = (Vec::new(), Vec::new());
    let assessment = Assessment {
        taken_at: 0,
        topology: String::new(),
        groups: vec![group],
        quorums,
        blockers,
        feature_release: None,
        synchrony: stateful_safety::SyncReplication::Declared,
        upgrade_notes: Vec::new(),
        notes: Vec::new(),
    };
    HashMap::from([(id(), Observation { assessment: Some(assessment), ..Observation::default() })])
}

fn id() -> WorkloadId {
    WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() }
}

#[test]
fn a_database_whose_lock_expired_or_that_has_no_primary_and_no_lock_is_examined() {
    let examined = |objects: &[Value], role: Role, late: bool| {
        let model = Model::of(objects, stateful_operations::engine_profiles()).expect("a model");
        let seen_at = model.operation_lock(&id()).map_or(Timestamp::UNIX_EPOCH, |lock| lock.seen_at);
        let now = if late { seen_at + LIFETIME + Duration::from_secs(1) } else { seen_at };
        find_unfinished(&model, &observed(role), now) == [id()]
    };
    let held = [guarded(), redis(1), lock(Some("guard (guard handover, process 1)"))];
    assert!(examined(&held, Role::Replica, true), "the lock is no longer renewed");
    assert!(
        examined(&held, Role::Primary, true),
        "the holder may have died before the switchover began, or after its end"
    );
    assert!(!examined(&held, Role::Replica, false), "the operation is running");
    let released = [guarded(), redis(1), lock(None)];
    assert!(examined(&released, Role::Replica, false), "there is no primary and no operation");
    assert!(!examined(&released, Role::Primary, true), "the database is healthy");
    assert!(
        examined(&[guarded(), redis(1)], Role::Unknown, false)
            && !examined(&[guarded(), redis(1)], Role::Primary, true)
    );
    let elsewhere = [namespace("shop", false), redis(1), held[2].clone()];
    assert!(!examined(&elsewhere, Role::Replica, true), "it is not guarded");
    let model = Model::of(&released, stateful_operations::engine_profiles()).expect("a model");
    assert!(
        find_unfinished(&model, &HashMap::new(), Timestamp::now()).is_empty(),
        "the database has not been observed yet"
    );
}

/// An API server that finds nothing, and the paths it is asked for.
async fn empty_api_server() -> (Cluster, mpsc::UnboundedReceiver<String>) {
    let (asked, heard) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its number");
    let not_found = move |uri: Uri| {
        let _ = asked.send(uri.path().to_owned()); // fails when the test has ended
        std::future::ready(StatusCode::NOT_FOUND)
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(not_found)).await });
    let kubeconfig = std::env::temp_dir().join(format!("stateful-leader-{}", address.port()));
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}]});
    std::fs::write(&kubeconfig, config.to_string()).expect("a place for a file");
    let options = ClientOptions { kubeconfig: Some(kubeconfig.clone()), ..ClientOptions::default() };
    let cluster = connection::connect(&options, stateful_operations::engine_profiles()).await.expect("a client");
    std::fs::remove_file(kubeconfig).expect("it was there");
    (cluster, heard)
}

#[tokio::test]
async fn no_replica_leads_before_the_cluster_has_been_read() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (cluster, mut asked) = empty_api_server().await;
    let state = Arc::new(GuardState::new(cluster.clone(), Inventory::watch(&cluster)));
    let (_goes_on, stop) = watch::channel(false);
    tokio::spawn(run(state, Gauge::default(), "guard".to_owned(), "me".to_owned(), stop));
    // Of the seven kinds none is found, and each is listed again: by then a leader would have asked for its Lease.
    let mut times: HashMap<String, usize> = HashMap::new();
    while times.len() < 7 || times.values().any(|times| *times < 2) {
        let path = asked.recv().await.expect("the watches go on");
        assert!(!path.ends_with(LEASE), "{path}");
        *times.entry(path).or_default() += 1;
    }
}
