//! Laws of what a leader takes up.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_cluster::{CLAIM_LIFETIME, Model, claim_name};
use stateful_safety::{Assessment, MemberState, ReplicaGroup, Role, Sync, WorkloadId};

use super::left_behind;
use crate::known::Seen;
use crate::rules::given::{guarded, namespace, redis};

/// A claim on `shop/redis`; held by nobody when it was let go of.
fn claim(holder: Option<&str>) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": claim_name("redis"), "namespace": "shop"}, "spec": {"holderIdentity": holder}})
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
    let group = ReplicaGroup { name: "main".to_owned(), members: vec![member], writes_need: 1 };
    let (electorates, blockers) = (Vec::new(), Vec::new());
    let assessment = Assessment {
        taken_at: 0,
        topology: String::new(),
        groups: vec![group],
        electorates,
        blockers,
        feature_release: None,
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
        let seen_at = model.lease("shop", &claim_name("redis")).map_or(Timestamp::UNIX_EPOCH, |claim| claim.seen_at);
        let now = if late { seen_at + CLAIM_LIFETIME + Duration::from_secs(1) } else { seen_at };
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
