//! Servers that speak TLS and ask for a certificate.

use std::time::Instant;

use mongodb::bson::doc;
use stateful_engines::{Credentials, NoClientPause, Secret};
use stateful_safety::Sync;

use crate::common::PATIENCE;
use crate::common::database::{Database, leader_of, replicas};
use crate::mongodb::servers::{SERVERS, Servers, name};

fn password(word: &str) -> Secret {
    Secret::new(word.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_spoken_to_under_tls_and_only_where_their_authority_is_trusted() {
    let servers = Servers::encrypted().await;
    let certificates = servers.certificates.as_ref().expect("they have certificates");
    let distrusting = [servers.endpoint(0, Some(certificates.settings(&certificates.stranger)))];
    let (adapter, begun) = (servers.adapter(), Instant::now());
    // A look ends after two seconds, also where a busy server has not shown its certificate by then.
    let why = loop {
        match adapter.assess(&distrusting, 1).await.groups.remove(0).members.remove(0).sync {
            Sync::Unreachable { why } if why.starts_with("no answer within") => {
                assert!(begun.elapsed() < PATIENCE, "{why}");
            }
            Sync::Unreachable { why } => break why,
            sync => unreachable!("it is trusted: {sync:?}"),
        }
    };
    assert!(why.contains("TLS") && why.contains("certificate"), "{why}");
}

/// The servers' own certificate makes a client a member. A client with a password, or as no user, is told why it is not let in.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_take_certificates_alone_are_led_with_their_own_and_say_so_to_others() {
    let servers = Servers::certificates_only().await;
    // Until there is a user, a client on the machine itself may ask some things.
    let user = doc! { "createUser": "CN=ana,O=proof", "roles": [{ "role": "root", "db": "admin" }] };
    servers.connection(0).database("$external").run_command(user).await.expect("a user");

    servers.switch_over(&name(0), &name(1)).await.expect("a switchover");
    assert_eq!(servers.leader().await, name(1));

    let refusal = async |credentials: Credentials| {
        let mut endpoint = servers.endpoints().remove(0);
        let target = endpoint.dial_config.as_mut().expect("a way");
        target.tls.as_mut().expect("TLS").logs_in = false;
        target.credentials = credentials;
        let assessment = servers.adapter().assess(&[endpoint], 1).await;
        match &assessment.groups[0].members[0].sync {
            Sync::Unreachable { why } => why.clone(),
            sync => unreachable!("it is let in: {sync:?}"),
        }
    };
    let with_password = Credentials { username: Some("admin".to_owned()), password: Some(password("secret")) };
    let why = refusal(with_password).await;
    assert!(why.contains("it takes no passwords (authenticationMechanisms)"), "{why}");
    let why = refusal(Credentials::default()).await;
    assert!(why.contains("it asks for a user and its pod refers to none"), "{why}");
}

/// Percona's operator gives the user who may step a primary down this one role (`getMongoDBRoles` of its controller).
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_only_administer_the_cluster_sees_all_but_backups_and_switches_over() {
    let servers = Servers::with_passwords().await;
    let config = [(0, 0), (1, 1), (2, 2)].map(|(id, number)| doc! { "_id": id, "host": servers.host(number) });
    let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": config.to_vec() } };
    servers.order(0, initiate).await;
    let user = |name: &str, role: &str| doc! { "createUser": name, "pwd": "secret", "roles": [role] };
    // The first user may be made from the machine itself, as soon as a member leads; it makes the others.
    servers.order(0, user("root", "root")).await;
    let endpoints_of = |name: &str| {
        let mut endpoints = servers.endpoints();
        for target in endpoints.iter_mut().filter_map(|endpoint| endpoint.dial_config.as_mut().ok()) {
            target.credentials = Credentials { username: Some(name.to_owned()), password: Some(password("secret")) };
        }
        endpoints
    };
    servers.settles(&endpoints_of("root")).await;
    servers.order_as(0, ("root", "secret"), user("clusterAdmin", "clusterAdmin")).await;

    let (endpoints, adapter) = (endpoints_of("clusterAdmin"), servers.adapter());
    let assessment = adapter.assess(&endpoints, 1).await;
    let codes: Vec<&str> = assessment.blockers.iter().map(|blocker| blocker.code).collect();
    assert_eq!(codes, ["STF-MG-012"], "{assessment:#?}");
    let group = &assessment.groups[0];
    assert!(group.members.iter().all(|member| member.sync.is_streaming()), "{group:#?}");
    let from = group.primary().expect("a primary").name.clone();
    let to = replicas(group).remove(0);
    adapter
        .switchover()
        .expect("it switches over")
        .switch_over(&endpoints, &[], &from, &to, &NoClientPause)
        .await
        .expect("a switchover");
    let after = servers.settles(&endpoints_of("root")).await;
    assert_eq!(leader_of(&after, &from), Some(to));
    assert_eq!(after.groups[0].members.len(), SERVERS);
}
