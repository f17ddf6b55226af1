//! Servers that speak TLS and ask for a certificate.

use mongodb::bson::{Document, doc};
use stateful_engines::Switchover;
use stateful_engines::mongodb::Mongodb;
use stateful_engines::{Credentials, Engine, NoClientPause, Secret};
use stateful_safety::Sync;

use crate::servers::{Servers, client, endpoint, name};

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_spoken_to_under_tls_and_only_where_their_authority_is_trusted() {
    let Some(servers) = Servers::start_encrypted() else { return };
    servers.found([Document::new(), Document::new(), Document::new()]).await;
    let certificates = servers.certificates.as_ref().expect("some");
    let stranger = endpoint(0, Some(certificates.settings(&certificates.stranger)));
    let assessment = Mongodb::default().assess(&[stranger], 1).await;
    let sync = &assessment.groups[0].members[0].sync;
    let told = matches!(sync, Sync::Unreachable { why } if why.contains("TLS") && why.contains("certificate"));
    assert!(told, "{sync:?}");
}

/// As whom the servers' own certificate makes one known: a member. Who comes with a password, or as nobody, is told why not.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_take_certificates_alone_are_led_by_their_own_and_say_so_to_others() {
    let Some(servers) = Servers::start_certified() else { return };
    servers.found([doc! { "priority": 2 }, Document::new(), Document::new()]).await;
    // Until there is a user, whoever comes from the machine itself may ask some things.
    let user = doc! { "createUser": "CN=ana,O=proof", "roles": [{ "role": "root", "db": "admin" }] };
    client(0).database("$external").run_command(user).await.expect("a user");

    let (endpoints, engine) = (servers.endpoints(), Mongodb::default());
    engine.switch_over(&endpoints, &[], &name(0), &name(1), &NoClientPause).await.expect("switched over");
    let primary = servers.whole().await.groups[0].primary().map(|primary| primary.name.clone());
    assert_eq!(primary, Some(name(1)));

    let told = async |credentials: Credentials| {
        let mut endpoint = endpoints[0].clone();
        let way = endpoint.way.as_mut().expect("a way");
        way.tls.as_mut().expect("TLS").logs_in = false;
        way.credentials = credentials;
        let assessment = Mongodb::default().assess(&[endpoint], 1).await;
        match &assessment.groups[0].members[0].sync {
            Sync::Unreachable { why } => why.clone(),
            sync => unreachable!("it is let in: {sync:?}"),
        }
    };
    let password = Some(Secret::new("secret".to_owned()));
    let with_password = told(Credentials { username: Some("admin".to_owned()), password }).await;
    assert!(with_password.contains("it takes no passwords (authenticationMechanisms)"), "{with_password}");
    let as_nobody = told(Credentials::default()).await;
    assert!(as_nobody.contains("it asks for a user and its pod refers to none"), "{as_nobody}");
}

/// Percona's operator gives the user who may step a primary down this one role (`getMongoDBRoles` of its controller).
#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_administer_the_cluster_sees_all_but_backups_and_hands_over() {
    let Some(servers) = Servers::start_with_users() else { return };
    let config = (0..3).map(|number| doc! { "_id": number, "host": format!("127.0.27.{}:27017", number + 1) });
    let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": config.collect::<Vec<_>>() } };
    servers.order(0, initiate).await;
    let user = |name: &str, role: &str| doc! { "createUser": name, "pwd": "secret", "roles": [role] };
    // The first there is may be made by whoever comes from the machine itself, as soon as somebody leads; it makes the others.
    servers.order(0, user("root", "root")).await;
    let doors_of = |name: &str| {
        let (name, password) = (name.to_owned(), Some(Secret::new("secret".to_owned())));
        let mut endpoints = servers.endpoints();
        for way in endpoints.iter_mut().filter_map(|endpoint| endpoint.way.as_mut().ok()) {
            way.credentials = Credentials { username: Some(name.clone()), password: password.clone() };
        }
        endpoints
    };
    servers.whole_of(&doors_of("root")).await;
    servers.order_as(0, ("root", "secret"), user("clusterAdmin", "clusterAdmin")).await;

    let (endpoints, engine) = (doors_of("clusterAdmin"), Mongodb::default());
    let assessment = engine.assess(&endpoints, 1).await;
    let codes: Vec<&str> = assessment.blockers.iter().map(|blocker| blocker.code).collect();
    assert_eq!(codes, ["STF-MG-012"], "{assessment:#?}");
    let group = &assessment.groups[0];
    assert!(group.members.iter().all(|member| member.sync.is_streaming()), "{group:#?}");
    let from = group.primary().expect("a primary").name.clone();
    let to = group.members.iter().find(|member| member.name != from).expect("another").name.clone();
    engine.switch_over(&endpoints, &[], &from, &to, &NoClientPause).await.expect("switched over");
    let after = servers.whole_of(&doors_of("root")).await;
    assert_eq!(after.groups[0].primary().map(|primary| primary.name.clone()), Some(to));
}
