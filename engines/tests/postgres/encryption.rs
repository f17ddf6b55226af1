//! Servers that admit the user who moves the role under TLS alone.

use std::fs;
use std::time::Instant;

use stateful_engines::{Credentials, Endpoint, NoClientPause, Secret, Tls};
use stateful_safety::Sync;

use crate::common::PATIENCE;
use crate::common::certificates::Certificates;
use crate::common::database::{Database, leader_of};
use crate::common::load::Load;
use crate::common::programs::append;
use crate::common::turns::Measures;
use crate::postgres::servers::{NOT_FELT, PASSWORD, SERVERS, Servers, name, own};

/// The operator is admitted over TLS, and refused without: for a query and for the log.
const ADMITTED: &str = "hostssl all operator 127.0.0.0/8 scram-sha-256\n\
    hostssl replication operator 127.0.0.0/8 scram-sha-256\n\
    host all operator 127.0.0.0/8 reject\n\
    host replication operator 127.0.0.0/8 reject\n";

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_led_under_tls_and_only_where_their_authority_is_trusted() {
    let servers = Servers::start(Measures::Time).await;
    let hosts = [0, 1, 2].map(|number| (name(number), servers.address(number)));
    let certificates = Certificates::make(&servers.home, &hosts);
    speak_tls(&servers, &certificates).await;

    let adapter = servers.adapter();
    for (tls, said) in [(None, "no encryption"), (Some(certificates.settings(&certificates.stranger)), "certificate")] {
        let assessment = servers.adapter().assess(&endpoints(&servers, tls.as_ref()), 1).await;
        for member in &assessment.groups[0].members {
            assert!(matches!(&member.sync, Sync::Unreachable { why } if why.contains(said)), "{said}: {member:?}");
        }
    }

    let load = Load::start(servers.client());
    let endpoints = endpoints(&servers, Some(&certificates.settings(&certificates.authority)));
    adapter
        .switchover()
        .expect("it switches over")
        .switch_over(&endpoints, &[], &name(0), &name(1), &NoClientPause)
        .await
        .expect("a switchover");
    let assessment = adapter.assess(&endpoints, 1).await;
    assert_eq!(leader_of(&assessment, &name(0)), Some(name(1)), "{assessment:#?}");
    let report = load.finish(&servers).await;
    assert_eq!(report.lost, 0, "{report:?}");
    assert!(report.longest_gap < NOT_FELT, "{report:?}");
}

/// Lets the servers speak TLS, and admits the operator; for all others nothing changes.
async fn speak_tls(servers: &Servers, certificates: &Certificates) {
    // The server takes no key that others might read.
    own(&certificates.key);
    let role = format!("CREATE ROLE operator SUPERUSER LOGIN PASSWORD '{}'", PASSWORD.replace('\'', "''"));
    servers.run_sql(0, &role).await;
    for number in 0..SERVERS {
        let settings = format!(
            "ssl = on\nssl_cert_file = '{}'\nssl_key_file = '{}'\n",
            certificates.certificate.display(),
            certificates.key.display()
        );
        append(&servers.data(number).join("postgresql.conf"), &settings);
        let path = servers.data(number).join("pg_hba.conf");
        let others = fs::read_to_string(&path).expect("rules");
        fs::write(&path, format!("{ADMITTED}{others}")).expect("a file");
        servers.run_sql(number, "SELECT pg_reload_conf()").await;
        let begun = Instant::now();
        while servers.value(number, "SHOW ssl").await.as_deref() != Some("on") {
            assert!(begun.elapsed() < PATIENCE, "{}", servers.log(number));
        }
    }
}

/// The endpoints that discovery finds where the pods refer to that user and those settings.
fn endpoints(servers: &Servers, tls: Option<&Tls>) -> Vec<Endpoint> {
    let mut endpoints = servers.endpoints();
    for target in endpoints.iter_mut().filter_map(|endpoint| endpoint.dial_config.as_mut().ok()) {
        let password = Some(Secret::new(PASSWORD.to_owned()));
        target.credentials = Credentials { username: Some("operator".to_owned()), password };
        target.tls = tls.cloned();
    }
    endpoints
}
