//! Laws of when a replica leads, and what it takes up.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_cluster::{ClientOptions, Cluster, EventRecorder, Inventory, LOCK_LIFETIME, Model, lock_name};
use stateful_safety::{Assessment, MemberState, ReplicaGroup, Role, Sync, WorkloadId};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::{LEASE, left_behind, run};
use crate::decision_log::Notices;
use crate::guard::Guard;
use crate::metrics::Metrics;
use crate::rules::fixtures::{guarded, namespace, redis};
use crate::state::{Known, Seen};

/// A claim on `shop/redis`; held by nobody when it was let go of.
fn claim(holder: Option<&str>) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": lock_name("redis"), "namespace": "shop"}, "spec": {"holderIdentity": holder}})
}

/// What was seen of `shop/redis`: one group with a member in this role.
fn seen(role: Role) -> HashMap<WorkloadId, Seen> {
    let member = MemberState {
        name: "redis-0".to_owned(),
        role,
        sync: Sync::InSync { lag_bytes: 0 },
        lag_seconds: None,
        version: None,
        persists: true,
        priority: MemberState::NO_PREFERENCE,
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
        sharding: None,
    };
    HashMap::from([(id(), Seen { assessment: Some(assessment), ..Seen::default() })])
}

fn id() -> WorkloadId {
    WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() }
}

#[test]
fn what_somebody_who_died_may_have_left_is_taken_up() {
    let left = |objects: &[Value], role: Role, late: bool| {
        let model = Model::of(objects).expect("a model");
        let seen_at = model.claim(&id()).map_or(Timestamp::UNIX_EPOCH, |claim| claim.seen_at);
        let now = if late { seen_at + LOCK_LIFETIME + Duration::from_secs(1) } else { seen_at };
        left_behind(&model, &seen(role), now) == [id()]
    };
    let held = [guarded(), redis(1), claim(Some("guard (guard handover, process 1)"))];
    assert!(left(&held, Role::Replica, true), "it shows no sign of life any more");
    assert!(left(&held, Role::Primary, true), "it may have died before it began, or after its end");
    assert!(!left(&held, Role::Replica, false), "it is at work");
    let let_go = [guarded(), redis(1), claim(None)];
    assert!(left(&let_go, Role::Replica, false), "nobody leads and nobody is at work");
    assert!(!left(&let_go, Role::Primary, true), "all is well");
    assert!(left(&[guarded(), redis(1)], Role::Unknown, false) && !left(&[guarded(), redis(1)], Role::Primary, true));
    let elsewhere = [namespace("shop", false), redis(1), held[2].clone()];
    assert!(!left(&elsewhere, Role::Replica, true), "it is not guarded");
    let model = Model::of(&let_go).expect("a model");
    assert!(left_behind(&model, &HashMap::new(), Timestamp::now()).is_empty(), "nothing is known of it yet");
}

/// An API server that finds nothing, and what it is asked for.
async fn empty_api_server() -> (Cluster, mpsc::UnboundedReceiver<String>) {
    let (asked, heard) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its number");
    let not_found = move |uri: Uri| {
        let _ = asked.send(uri.path().to_owned()); // the test has ended
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
    let cluster = stateful_cluster::connect(&options).await.expect("a client");
    std::fs::remove_file(kubeconfig).expect("it was there");
    (cluster, heard)
}

#[tokio::test]
async fn nobody_leads_before_the_cluster_is_read() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (cluster, mut asked) = empty_api_server().await;
    let known = Arc::new(Known::new(Inventory::watch(&cluster)));
    let notices = Notices::new(EventRecorder::new(&cluster, "guard", "me"));
    let guard = Arc::new(Guard::new(cluster, known, Metrics::new(), notices));
    let (_goes_on, stop) = watch::channel(false);
    tokio::spawn(run(guard, "guard".to_owned(), "me".to_owned(), stop));
    // Of the seven kinds none is found, and each is asked for again: by then who leads has asked for its Lease.
    let mut times: HashMap<String, usize> = HashMap::new();
    while times.len() < 7 || times.values().any(|times| *times < 2) {
        let path = asked.recv().await.expect("it goes on asking");
        assert!(!path.ends_with(LEASE), "{path}");
        *times.entry(path).or_default() += 1;
    }
}
