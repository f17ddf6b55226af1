//! Servers that let whoever moves the role in under TLS alone.

use std::fs;
use std::os::unix::fs::chown;
use std::time::Instant;

use stateful_engines::Switchover;
use stateful_engines::postgres::Postgres;
use stateful_engines::{Credentials, Endpoint, Engine, NoClientPause, Secret, Tls};
use stateful_safety::Sync;

use crate::certificates::Certificates;
use crate::clients::Clients;
use crate::programs::{append, owner};
use crate::servers::{PASSWORD, PATIENCE, Servers, address, name};
use crate::switchover::{ANY, FELT_BY_NOBODY};

/// Who is let in, and from whom nothing is taken in the open: neither a question nor the log.
const RULES: &str = "hostssl all operator 127.0.0.0/8 scram-sha-256\n\
    hostssl replication operator 127.0.0.0/8 scram-sha-256\n\
    host all operator 127.0.0.0/8 reject\n\
    host replication operator 127.0.0.0/8 reject\n";

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_led_under_tls_and_only_where_their_authority_is_trusted() {
    let Some(servers) = Servers::start(ANY).await else { return };
    let hosts = [0, 1, 2].map(|number| (name(number), address(number)));
    let certificates = Certificates::make(&servers.home, &hosts);
    speak_tls(&servers, &certificates).await;

    let endpoints = |tls: Option<Tls>| endpoints(&servers, tls.as_ref());
    for (settings, said) in
        [(None, "no encryption"), (Some(certificates.settings(&certificates.stranger)), "certificate")]
    {
        let assessment = Postgres::default().assess(&endpoints(settings), 1).await;
        for member in &assessment.groups[0].members {
            assert!(matches!(&member.sync, Sync::Unreachable { why } if why.contains(said)), "{said}: {member:?}");
        }
    }

    let (engine, clients) = (Postgres::default(), Clients::start());
    let endpoints = endpoints(Some(certificates.settings(&certificates.authority)));
    engine.switch_over(&endpoints, &[], &name(0), &name(1), &NoClientPause).await.expect("switched over");
    let assessment = engine.assess(&endpoints, 1).await;
    assert_eq!(assessment.groups[0].primary().map(|primary| primary.name.clone()), Some(name(1)), "{assessment:#?}");
    servers.whole().await;
    let report = clients.finish(&servers, 1).await;
    assert_eq!(report.lost, 0, "{report:?}");
    assert!(report.longest_gap < FELT_BY_NOBODY, "{report:?}");
}

/// Everybody else goes on as before.
async fn speak_tls(servers: &Servers, certificates: &Certificates) {
    // A key that others might read the server does not take.
    let (user, group) = owner().unzip();
    chown(&certificates.key, user, group).expect("a key of the server's own");
    let role = format!("CREATE ROLE operator SUPERUSER LOGIN PASSWORD '{}'", PASSWORD.replace('\'', "''"));
    servers.link(0).await.batch_execute(&role).await.expect("a role");
    for number in 0..3 {
        let settings = format!(
            "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
            certificates.certificate.display(),
            certificates.key.display()
        );
        append(&servers.data(number).join("postgresql.conf"), &settings);
        let path = servers.data(number).join("pg_hba.conf");
        let others = fs::read_to_string(&path).expect("rules");
        fs::write(&path, format!("{RULES}{others}")).expect("a file");
        let link = servers.link(number).await;
        link.batch_execute("SELECT pg_reload_conf()").await.expect("settings read anew");
        drop(link);
        let begun = Instant::now();
        while servers.word(number, "SHOW ssl").await.as_deref() != Some("on") {
            assert!(begun.elapsed() < PATIENCE, "{}", servers.log(number));
        }
    }
}

/// As discovery would give them where the pods refer to that user and those settings.
fn endpoints(servers: &Servers, tls: Option<&Tls>) -> Vec<Endpoint> {
    let mut endpoints = servers.endpoints();
    for way in endpoints.iter_mut().filter_map(|endpoint| endpoint.way.as_mut().ok()) {
        let password = Some(Secret::new(PASSWORD.to_owned()));
        way.credentials = Credentials { username: Some("operator".to_owned()), password };
        way.tls = tls.cloned();
    }
    endpoints
}
