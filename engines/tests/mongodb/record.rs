//! Records what MongoDB answers, for the tests of `interpret`: `make record`.

use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};
use stateful_engines::Endpoint;
use stateful_engines::mongodb::{Answers, MemberAnswers, Mongodb, interpret};
use stateful_safety::{Blocker, MemberState, Sync};
use tokio::time::sleep;

use crate::common::database::Database;
use crate::common::recording::{ask_until, write};
use crate::common::turns::Measures;
use crate::mongodb::servers::{Servers, name};

/// Asks until the answers are what the case is about, and writes them down.
async fn record(servers: &Servers, case: &str, is_about: impl Fn(&[MemberAnswers]) -> bool) {
    record_of(&servers.endpoints(), case, is_about).await;
}

/// The same of some of the members.
async fn record_of(endpoints: &[Endpoint], case: &str, is_about: impl Fn(&[MemberAnswers]) -> bool) {
    let adapter = Mongodb::default();
    let seen = ask_until(case, async || adapter.observe(endpoints).await, is_about).await;
    let version = seen.iter().find_map(|seen| seen.answer.as_ref().ok()?.build.get_str("version").ok());
    let version = version.expect("a version").split('.').take(2).collect::<Vec<_>>().join(".");
    write("mongodb", &format!("{version}-{case}"), &placeless(seen), None);
}

/// Without where the servers were on the machine that recorded them.
fn placeless(mut seen: Vec<MemberAnswers>) -> Vec<MemberAnswers> {
    for answers in seen.iter_mut().filter_map(|seen| seen.answer.as_mut().ok()) {
        answers.options.remove("argv");
        if let Ok(parsed) = answers.options.get_document_mut("parsed") {
            parsed.remove("systemLog");
            parsed.get_document_mut("storage").expect("it says where its data is").remove("dbPath");
        }
    }
    seen
}

fn said(seen: &[MemberAnswers], number: usize) -> Option<&Answers> {
    seen[number].answer.as_ref().ok()
}

fn member(seen: &[MemberAnswers], number: usize) -> Option<MemberState> {
    interpret(seen, 1).member(&name(number)).cloned()
}

fn is_whole(seen: &[MemberAnswers]) -> bool {
    let assessment = interpret(seen, 1);
    assessment.blockers.is_empty() && assessment.groups[0].members.iter().all(|member| member.sync.is_streaming())
}

fn blocked(seen: &[MemberAnswers], by: impl Fn(&Blocker) -> bool) -> bool {
    interpret(seen, 1).blockers.iter().any(by)
}

/// The first member leads whenever it can.
fn first_leads() -> [Document; 3] {
    [doc! { "priority": 2 }, Document::new(), Document::new()]
}

fn fail_point(point: &str, mode: &str) -> Document {
    doc! { "configureFailPoint": point, "mode": mode }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes engines/src/mongodb/recorded: `make record`"]
async fn record_what_servers_answer() {
    let mut servers = Servers::unconfigured(Measures::Time).await;
    record(&servers, "in-no-set", |seen| seen.iter().all(|seen| seen.answer.is_ok())).await;
    servers.initiate(first_leads()).await;
    record(&servers, "healthy", is_whole).await;

    servers.order(1, fail_point("rsSyncApplyStop", "alwaysOn")).await;
    let writes = tokio::spawn(write_for(servers.connection(0), Duration::from_secs(16)));
    record(&servers, "secondary-behind", |seen| {
        member(seen, 1).is_some_and(|member| matches!(member.sync, Sync::Behind { .. }))
    })
    .await;
    servers.order(1, fail_point("rsSyncApplyStop", "off")).await;
    writes.await.expect("written");
    servers.settled().await;

    servers.order(2, doc! { "fsync": 1, "lock": true }).await;
    record(&servers, "writes-locked", |seen| blocked(seen, |blocker| blocker.code == "STF-MG-002")).await;
    servers.order(2, doc! { "fsyncUnlock": 1 }).await;

    servers.order(0, fail_point("hangAfterStartingIndexBuild", "alwaysOn")).await;
    let app = servers.connection(0).database("app");
    let build = tokio::spawn(async move {
        let index = doc! { "createIndexes": "c", "indexes": [{ "key": { "n": 1 }, "name": "n" }] };
        app.run_command(index).await
    });
    record(&servers, "index-build", |seen| blocked(seen, |blocker| blocker.code == "STF-MG-001")).await;
    servers.order(0, fail_point("hangAfterStartingIndexBuild", "off")).await;
    build.await.expect("it ends").expect("built");

    servers.order(0, fail_point("failUpgrading", "alwaysOn")).await;
    servers.order(0, fail_point("failDowngrading", "alwaysOn")).await;
    let version = doc! { "setFeatureCompatibilityVersion": "5.0" };
    assert!(servers.connection(0).database("admin").run_command(version.clone()).await.is_err(), "it stops half-way");
    record(&servers, "features-on-their-way", |seen| blocked(seen, |blocker| blocker.code == "STF-MG-004")).await;
    servers.order(0, fail_point("failDowngrading", "off")).await;
    servers.order(0, version).await;
    record(&servers, "features-of-an-older-release", is_whole).await;

    servers.kill(2);
    record(&servers, "secondary-gone", |seen| {
        let counted = said(seen, 0)
            .is_some_and(|said| said.members().any(|member| member.get_f64("health").is_ok_and(|h| h < 1.0)));
        seen[2].answer.is_err() && counted
    })
    .await;
    servers.run(2);
    servers.settled().await;
    servers.kill(0);
    record(&servers, "primary-just-gone", |seen| seen[0].answer.is_err()).await;
    servers.run(0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes engines/src/mongodb/recorded: `make record`"]
async fn record_what_an_arbiter_answers() {
    let members = [doc! { "priority": 2 }, Document::new(), doc! { "arbiterOnly": true }];
    let servers = Servers::replica_set(members, Measures::Time).await;
    record(&servers, "arbiter", is_whole).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes engines/src/mongodb/recorded: `make record`"]
async fn record_what_hidden_members_answer() {
    let hidden = doc! { "priority": 0, "hidden": true };
    let servers = Servers::replica_set([doc! { "priority": 2 }, hidden, Document::new()], Measures::Time).await;
    record(&servers, "hidden", is_whole).await;
}

/// A cluster of config servers and one shard; what makes it balance or not is said to its config servers as a mongos says it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes engines/src/mongodb/recorded: `make record`"]
async fn record_what_a_sharded_cluster_answers() {
    let servers = Servers::sharded().await;
    let endpoints = servers.endpoints();
    let (config, shard) = endpoints.split_at(2);
    record_of(config, "config-servers-balancing", is_whole).await;
    servers.order(0, doc! { "_configsvrBalancerStop": 1, "maxTimeMS": 30_000 }).await;
    record_of(config, "config-servers-balancer-off", is_whole).await;
    record_of(shard, "shard", is_whole).await;
}

/// One write every 20 ms.
async fn write_for(client: Client, time: Duration) {
    let begun = Instant::now();
    for number in 0.. {
        if begun.elapsed() > time {
            return;
        }
        let write = doc! { "insert": "c", "documents": [{ "_id": number, "n": number }], "writeConcern": { "w": 1 } };
        client.database("app").run_command(write).await.expect("written");
        sleep(Duration::from_millis(20)).await;
    }
}
