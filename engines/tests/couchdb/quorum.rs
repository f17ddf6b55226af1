//! What the stand-in must do as CouchDB's manual says, since everything proven with it rests on that; and what the adapter sees of
//! it.

use serde_json::{Value, json};
use stateful_engines::couchdb::{Couchdb, interpret};
use stateful_safety::Role;

use crate::common::database::Database;
use crate::common::turns::Measures;
use crate::couchdb::nodes::{Nodes, name};

const NOTHING: &Value = &Value::Null;

#[tokio::test(flavor = "multi_thread")]
async fn a_look_over_a_connection_that_is_kept_sees_shards_that_came_and_went() {
    let nodes = Nodes::start(Measures::Nothing).await;
    let adapter = Couchdb::default();
    let group = async || interpret(&adapter.observe(&nodes.endpoints()).await, 1).groups.remove(0).name;
    for _ in 0..2 {
        assert_eq!(group().await, "nodes without shards");
        assert_eq!(nodes.ask(0, "PUT", "/shop", NOTHING).await.0, 201);
        assert_eq!(group().await, "every shard");
        assert_eq!(group().await, "every shard");
        assert_eq!(nodes.ask(1, "DELETE", "/shop", NOTHING).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_201_with_a_quorum_and_202_with_fewer_and_no_node_has_to_lead() {
    let mut nodes = Nodes::start(Measures::Nothing).await;
    let (status, welcome) = nodes.ask(0, "GET", "/", NOTHING).await;
    assert_eq!(status, 200);
    assert!(welcome["vendor"]["name"].as_str().is_some_and(|name| name.contains("not Apache CouchDB")), "{welcome}");
    assert_eq!(nodes.ask(1, "PUT", "/shop?q=2&n=3", NOTHING).await.0, 201);
    assert_eq!(nodes.ask(0, "PUT", "/shop", NOTHING).await.0, 412);
    let (_, shards) = nodes.ask(2, "GET", "/shop/_shards", NOTHING).await;
    assert_eq!(shards["shards"]["00000000-7fffffff"].as_array().map(Vec::len), Some(3), "{shards}");

    let assessment = nodes.assess().await;
    let group = &assessment.groups[0];
    assert_eq!((group.name.as_str(), group.write_quorum, group.members.len()), ("every shard", 2, 3));
    assert!(group.members.iter().all(|member| member.role == Role::Peer), "{group:?}");

    let (status, written) = nodes.ask(0, "PUT", "/shop/joan", &json!({"loves": "cats"})).await;
    assert_eq!(status, 201);
    assert_eq!(nodes.ask(1, "PUT", "/shop/joan", &json!({"loves": "dogs"})).await.0, 409, "it is another revision");
    let rev = written["rev"].clone();
    assert_eq!(nodes.ask(2, "PUT", "/shop/joan", &json!({"_rev": rev, "loves": "dogs"})).await.0, 201);

    nodes.kill(2);
    assert_eq!(nodes.ask(0, "PUT", "/shop/two", &json!({})).await.0, 201, "two of three are a quorum");
    nodes.kill(1);
    assert_eq!(nodes.ask(0, "PUT", "/shop/one", &json!({})).await.0, 202, "one of three is none");
    assert_eq!(nodes.ask(0, "GET", "/shop/joan", NOTHING).await.1["loves"], "dogs");

    // What was accepted by one, and what was written meanwhile, reaches those that were away.
    nodes.run(1);
    nodes.run(2);
    nodes.settled().await;
    nodes.kill(0);
    for id in ["one", "two", "joan"] {
        assert_eq!(nodes.ask(2, "GET", &format!("/shop/{id}?r=1"), NOTHING).await.0, 200, "{id}");
        assert_eq!(nodes.ask(1, "GET", &format!("/shop/{id}?r=1"), NOTHING).await.0, 200, "{id}");
    }
    let assessment = nodes.until("one is silent", |seen| !seen.groups[0].members[0].sync.is_streaming()).await;
    assert_eq!(assessment.groups[0].members[0].name, name(0));
}
