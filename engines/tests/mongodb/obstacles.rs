//! What stands in the way on real servers, and what the judge makes of it: refused with its reason, and allowed again when it is
//! over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mongodb::bson::{Document, doc};
use stateful_engines::SwitchoverError;
use stateful_safety::{
    Assessment, Disruption, JudgeInput, Member, Policy, Reason, Rollout, Storage, VolumeClaims, Workload, WorkloadId,
    everyone_in_sync, judge,
};

use tokio::time::sleep;

use crate::common::PATIENCE;
use crate::common::database::Database;
use crate::common::turns::Measures;
use crate::mongodb::servers::{SERVERS, Servers, name};

const NOW: i64 = 1;

/// The pods of three members, all there and ready: whatever is the matter is the database's own.
fn workload() -> Workload {
    let member = |number: usize| Member {
        name: name(number),
        uid: name(number),
        node: None,
        address: None,
        revision: "declared".to_owned(),
        image: "mongo:6.0".to_owned(),
        ready: true,
        terminating: false,
        storage: Storage::VolumeClaim,
        waiting: None,
        never_started: false,
    };
    Workload {
        id: WorkloadId { namespace: "shop".to_owned(), name: "mongo".to_owned() },
        uid: "set".to_owned(),
        engine: &stateful_engines::mongodb::PROFILE,
        service: "mongo".to_owned(),
        container: "mongo".to_owned(),
        image: "mongo:6.0".to_owned(),
        declared_revision: "declared".to_owned(),
        replicas: SERVERS,
        first_ordinal: 0,
        restarted_at: None,
        rollout: Rollout::OnDelete,
        members: (0..SERVERS).map(|number| Arc::new(member(number))).collect(),
        routes: Vec::new(),
        template_owner: None,
        replicas_owner: None,
        claims: VolumeClaims::default(),
        operated: None,
        budgets: Vec::new(),
    }
}

/// Taking mongo-1, a secondary, away.
fn take() -> Disruption {
    Disruption::Take { members: vec![name(1)] }
}

/// Letting mongo-1 lead in place of mongo-0.
fn switch_over() -> Disruption {
    Disruption::Switchover { from: name(0), to: name(1) }
}

fn against(assessment: &Assessment, disruption: &Disruption) -> Vec<Reason> {
    let workload = workload();
    let known = JudgeInput { workload: &workload, assessment: Some(assessment), promised: &[] };
    judge(&Policy::default(), known, disruption, NOW).reasons().to_vec()
}

/// What keeps an upgrade from its next step.
fn between_steps(assessment: &Assessment) -> Vec<Reason> {
    let workload = workload();
    let known = JudgeInput { workload: &workload, assessment: Some(assessment), promised: &[] };
    everyone_in_sync(&Policy::default(), known, None, NOW)
}

/// Waits until a disruption is refused for that reason, in those words.
async fn refused(servers: &Servers, disruption: &Disruption, code: &str, says: &str) -> Vec<Reason> {
    let begun = Instant::now();
    loop {
        let assessment = servers.assess().await;
        let reasons = against(&assessment, disruption);
        if reasons.iter().any(|reason| reason.code() == code && reason.to_string().contains(says)) {
            assert_ne!(between_steps(&assessment), [], "an upgrade would go on");
            return reasons;
        }
        assert!(begun.elapsed() < PATIENCE, "{code} is not among {reasons:#?}\n{assessment:#?}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until all is well, when both have to be allowed.
async fn allowed(servers: &Servers) {
    let assessment = servers.settled().await;
    for disruption in [take(), switch_over()] {
        assert_eq!(against(&assessment, &disruption), [], "{disruption:?}");
    }
    assert_eq!(between_steps(&assessment), []);
}

fn fail_point(point: &str, mode: &str) -> Document {
    doc! { "configureFailPoint": point, "mode": mode }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_refused_by_name_and_allowed_when_it_is_over() {
    let first_leads = [doc! { "priority": 2 }, Document::new(), Document::new()];
    let mut servers = Servers::replica_set(first_leads, Measures::Nothing).await;
    allowed(&servers).await;

    a_copy_that_does_not_end(&mut servers).await;
    a_majority_that_has_not_what_is_written(&servers).await;
    members_with_different_features(&servers).await;
    a_change_of_features_broken_off(&servers).await;
    no_member_that_may_lead_instead(&servers).await;
    an_oplog_that_is_too_short(&servers).await;
}

/// A member has lost its volume, copies everything anew, and does not come to an end.
async fn a_copy_that_does_not_end(servers: &mut Servers) {
    servers.kill(2);
    servers.lose_data(2);
    servers.run_with(2, &["--setParameter", "failpoint.initialSyncHangBeforeFinish={mode: 'alwaysOn'}"]);
    let reasons = refused(servers, &take(), "STF-DB-005", "mongo-2 of rs0 is away (it is STARTUP2)").await;
    assert!(reasons.iter().all(Reason::may_pass), "it is waited for: {reasons:?}");
    servers.order(2, fail_point("initialSyncHangBeforeFinish", "off")).await;
    allowed(servers).await;
}

/// Both secondaries fetch nothing, and neither is far behind yet: a write that asks for a majority waits all the same.
async fn a_majority_that_has_not_what_is_written(servers: &Servers) {
    for secondary in [1, 2] {
        servers.order(secondary, fail_point("stopReplProducer", "alwaysOn")).await;
    }
    let write = doc! { "insert": "orders", "documents": [{ "n": 1 }], "writeConcern": { "w": 1 } };
    servers.connection(0).database("app").run_command(write).await.expect("the primary has it");
    for disruption in [take(), switch_over()] {
        let reasons = refused(servers, &disruption, "STF-MG-013", "the limit is 1000 ms").await;
        assert!(reasons.iter().all(Reason::may_pass), "it is waited for: {reasons:?}");
    }
    for secondary in [1, 2] {
        servers.order(secondary, fail_point("stopReplProducer", "off")).await;
    }
    allowed(servers).await;
}

/// A secondary that does not apply what its primary has been told.
async fn members_with_different_features(servers: &Servers) {
    servers.order(2, fail_point("rsSyncApplyStop", "alwaysOn")).await;
    let version = |release: &str| doc! { "setFeatureCompatibilityVersion": release };
    servers.order(0, version("5.0")).await;
    for disruption in [take(), switch_over()] {
        let says = "mongo-2 has featureCompatibilityVersion 6.0";
        let reasons = refused(servers, &disruption, "STF-MG-004", says).await;
        assert!(reasons.iter().all(Reason::may_pass), "it is waited for: {reasons:?}");
    }
    servers.order(2, fail_point("rsSyncApplyStop", "off")).await;
    allowed(servers).await;
    servers.order(0, version("6.0")).await;
    allowed(servers).await;
}

/// A change of `featureCompatibilityVersion` stops half-way.
async fn a_change_of_features_broken_off(servers: &Servers) {
    servers.order(0, fail_point("failDowngrading", "alwaysOn")).await;
    let back = doc! { "setFeatureCompatibilityVersion": "5.0" };
    assert!(servers.connection(0).database("admin").run_command(back.clone()).await.is_err(), "it stops half-way");
    refused(servers, &take(), "STF-MG-004", "is changing its featureCompatibilityVersion").await;
    servers.order(0, fail_point("failDowngrading", "off")).await;
    servers.order(0, back).await;
    servers.order(0, doc! { "setFeatureCompatibilityVersion": "6.0" }).await;
    allowed(servers).await;
}

/// Neither of the other members may lead: the judge says no, and so does the primary itself if it is asked all the same.
async fn no_member_that_may_lead_instead(servers: &Servers) {
    configure(servers, &[1, 2], 0).await;
    let assessment = servers.settled().await;
    let reasons = against(&assessment, &switch_over());
    assert!(matches!(&reasons[..], [Reason::NotElectable { to }] if *to == name(1)), "{reasons:?}");
    assert_eq!(against(&assessment, &take()), [], "a member that never leads may be taken like any other");
    let refused = servers.switch_over(&name(0), &name(1)).await;
    assert!(matches!(refused, Err(SwitchoverError::Refused { .. })), "{refused:?}");
    assert_eq!(servers.leader().await, name(0), "it leads on");
    configure(servers, &[1, 2], 1).await;
    allowed(servers).await;
}

/// Gives members a priority.
async fn configure(servers: &Servers, numbers: &[usize], priority: i32) {
    let answer = servers.order(0, doc! { "replSetGetConfig": 1 }).await;
    let mut config = answer.get_document("config").expect("a configuration").clone();
    let version = config.get_i32("version").expect("its version");
    config.insert("version", version + 1);
    let members = config.get_array_mut("members").expect("members");
    for number in numbers {
        members[*number].as_document_mut().expect("a member").insert("priority", priority);
    }
    servers.order(0, doc! { "replSetReconfig": config }).await;
}

/// So much is written that the oplog, the smallest there can be, has thrown its beginning away. The servers' own checkpoint lets
/// them do so, so it is asked for.
async fn an_oplog_that_is_too_short(servers: &Servers) {
    let app = servers.connection(0).database("app");
    let filling = "x".repeat(200_000);
    let begun = Instant::now();
    let reasons = loop {
        for _ in 0..10 {
            let write = doc! { "insert": "filling", "documents": [{ "of": &filling }], "writeConcern": { "w": 3 } };
            app.run_command(write).await.expect("written");
        }
        for number in 0..SERVERS {
            servers.order(number, doc! { "fsync": 1 }).await;
        }
        let reasons = against(&servers.assess().await, &take());
        if reasons.iter().any(|reason| reason.code() == "STF-MG-003") {
            break reasons;
        }
        assert!(begun.elapsed() < PATIENCE, "{reasons:?}");
    };
    let texts: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    assert!(texts.iter().any(|text| text.contains("s back, the limit is 300 s")), "{texts:?}");
    assert!(reasons.iter().any(|reason| !reason.may_pass()), "waiting does not mend it: {texts:?}");
    assert_ne!(against(&servers.assess().await, &switch_over()), []);
}
