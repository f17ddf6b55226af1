//! What images, charts and operators declare, and what is read from it. Each says where its facts are from.

use std::collections::BTreeMap;

use stateful_safety::{ContainerFacts, SecretSource};

use super::connection_config;

fn facts(args: &[&str], env: &[(&str, Option<&str>)], conf: &str) -> ContainerFacts {
    ContainerFacts {
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        env: env.iter().map(|(name, value)| ((*name).to_owned(), value.map(ToOwned::to_owned))).collect(),
        files: BTreeMap::from([("/etc/mongod.conf".to_owned(), conf.to_owned())]),
        ..ContainerFacts::default()
    }
}

fn env(name: &str) -> SecretSource {
    SecretSource::Env(name.to_owned())
}

#[test]
fn the_official_images_variables_are_read() {
    let variables = [("MONGO_INITDB_ROOT_USERNAME", None), ("MONGO_INITDB_ROOT_PASSWORD", None)];
    let config = connection_config(&facts(&["mongod", "--replSet", "rs0"], &variables, ""));
    assert_eq!((config.port, config.tls), (27017, None));
    assert_eq!((config.username, config.password), (Some(env(variables[0].0)), Some(env(variables[1].0))));
}

#[test]
fn a_password_without_a_name_is_bitnamis_root() {
    let config = connection_config(&facts(&[], &[("MONGODB_ROOT_PASSWORD", None)], ""));
    assert_eq!(config.username, Some(SecretSource::Text("root".to_owned())));
    assert_eq!(connection_config(&facts(&[], &[], "")).username, None, "no user is named where no user logs in");
}

/// Arguments and references as Percona's own tests expect them (`e2e-tests/init-deploy/compare/statefulset_some-name-rs0.yml`).
#[test]
fn the_users_of_perconas_operator_come_whole_from_its_secret() {
    for entry in ["/opt/percona/ps-entry.sh", "/data/db/ps-entry.sh"] {
        has_perconas_users(&[entry, "--port=27017", "--replSet=rs0", "--tlsMode=preferTLS"]);
    }
}

fn has_perconas_users(args: &[&str]) {
    let facts = facts(args, &[("MONGODB_PORT", Some("27017")), ("MONGODB_REPLSET", Some("rs0"))], "");
    let config =
        connection_config(&ContainerFacts { secrets_from: vec!["internal-some-name-users".to_owned()], ..facts });
    let key = |key: &str| Some(SecretSource::Secret("internal-some-name-users".to_owned(), key.to_owned()));
    assert_eq!(config.username, key("MONGODB_CLUSTER_ADMIN_USER"));
    assert_eq!(config.password, key("MONGODB_CLUSTER_ADMIN_PASSWORD"));
    assert_eq!(config.tls.expect("TLS").authority, Some(SecretSource::File("/etc/mongodb-ssl/ca.crt".to_owned())));
}

/// As its chart declares it with a file for the password and TLS (`templates/replicaset/statefulset.yaml`).
#[test]
fn bitnamis_chart_says_among_its_variables_how_tls_is_spoken() {
    let flags = |more: &str| format!("--tlsMode=requireTLS --tlsCertificateKeyFile=/certs/mongodb.pem {more}");
    let tls_with = |flags: &str| {
        let password = "/opt/bitnami/mongodb/secrets/mongodb-root-password";
        let variables = [
            ("MONGODB_ROOT_USER", Some("root")),
            ("MONGODB_ROOT_PASSWORD_FILE", Some(password)),
            ("MONGODB_PORT_NUMBER", Some("27017")),
            ("MONGODB_EXTRA_FLAGS", Some(flags)),
        ];
        let config = connection_config(&facts(&["/scripts/setup.sh"], &variables, ""));
        assert_eq!(config.username, Some(env("MONGODB_ROOT_USER")));
        assert_eq!(config.password, Some(SecretSource::File(password.to_owned())));
        config.tls.expect("TLS")
    };
    let both = tls_with(&flags("--tlsCAFile=/certs/mongodb-ca-cert"));
    assert_eq!(both.authority, Some(SecretSource::File("/certs/mongodb-ca-cert".to_owned())));
    assert_eq!(both.certificate, Some(SecretSource::File("/certs/mongodb.pem".to_owned())));
    let one = tls_with(&flags(""));
    assert_eq!((one.authority, one.certificate), (None, None), "the server asks for no certificate");
}

/// Its agent writes the server's settings, and nothing in the pod names a user (`controllers/construct` of its operator):
/// annotations do.
#[test]
fn mongodbs_community_operator_declares_nothing_but_where_the_settings_will_be() {
    let script = "while ! [ -f /data/automation-mongod.conf ]; do sleep 3 ; done ;\nexec mongod -f /data/automation-mongod.conf;";
    let mut facts = facts(&["/bin/sh", "-c", script, ""], &[("AGENT_STATUS_FILEPATH", Some("/healthstatus/x"))], "");
    let config = connection_config(&facts);
    assert_eq!((config.port, config.username, config.password, config.tls), (27017, None, None, None));
    for (name, text) in [("username", "admin"), ("password-secret", "shop-admin-admin/password"), ("tls", "true")] {
        facts.annotations.insert(name.to_owned(), text.to_owned());
    }
    let config = connection_config(&facts);
    assert_eq!(config.password, Some(SecretSource::Secret("shop-admin-admin".to_owned(), "password".to_owned())));
    assert!(config.tls.is_some() && config.username == Some(SecretSource::Text("admin".to_owned())));
}

#[test]
fn the_port_is_found_wherever_people_put_it() {
    for args in [&["mongod", "--port", "27018"][..], &["mongod --port=27018"]] {
        assert_eq!(connection_config(&facts(args, &[], "net:\n  port: 1\n")).port, 27018, "{args:?}");
    }
    let conf = "storage:\n  port: 3\nnet:\n  tls:\n    port: 4\n  port: 27019 # ours\n";
    assert_eq!(connection_config(&facts(&[], &[], conf)).port, 27019);
}

#[test]
fn tls_is_spoken_where_the_server_asks_for_it() {
    let conf = "net:\n  tls:\n    mode: requireTLS\n    CAFile: /tls/ca.crt\n    certificateKeyFile: /tls/all.pem\n";
    let files = connection_config(&facts(&["mongod"], &[], conf)).tls.expect("TLS");
    assert_eq!(files.authority, Some(SecretSource::File("/tls/ca.crt".to_owned())));
    assert_eq!(
        (files.certificate.clone(), files.certificate),
        (files.key, Some(SecretSource::File("/tls/all.pem".to_owned())))
    );
    assert_eq!(
        connection_config(&facts(&["mongod", "--tlsMode", "allowTLS"], &[], "")).tls,
        None,
        "plain text will do"
    );
}

#[test]
fn where_no_password_is_taken_the_certificate_is_who_one_is() {
    let tls = ["mongod", "--tlsMode=requireTLS", "--tlsCAFile=/tls/ca.crt", "--tlsCertificateKeyFile=/tls/all.pem"];
    let variables = [("MONGO_INITDB_ROOT_USERNAME", None), ("MONGO_INITDB_ROOT_PASSWORD", None)];
    let logs_in = |more: &[&str], conf: &str| {
        let config = connection_config(&facts(&[&tls[..], more].concat(), &variables, conf));
        let by_certificate = config.tls.expect("TLS").logs_in;
        assert_eq!(by_certificate, config.username.is_none() && config.password.is_none());
        by_certificate
    };
    for only in [
        &["--setParameter", "authenticationMechanisms=MONGODB-X509"][..],
        &["--setParameter=authenticationMechanisms=MONGODB-X509"],
    ] {
        assert!(logs_in(only, ""), "{only:?}");
    }
    assert!(logs_in(&[], "setParameter:\n  authenticationMechanisms: MONGODB-X509\n"));
    assert!(!logs_in(&["--setParameter", "authenticationMechanisms=MONGODB-X509,SCRAM-SHA-256"], ""));
    assert!(!logs_in(&["--clusterAuthMode=x509"], ""), "so the members are among each other, as Percona's are");
}

#[test]
fn annotations_have_the_last_word() {
    let mut facts = facts(&["mongod", "--port", "7000"], &[("MONGO_INITDB_ROOT_PASSWORD", None)], "");
    for (name, text) in [("port", "7001"), ("password-secret", "creds/mongo"), ("username", "admin")] {
        facts.annotations.insert(name.to_owned(), text.to_owned());
    }
    let config = connection_config(&facts);
    assert_eq!((config.port, config.username), (7001, Some(SecretSource::Text("admin".to_owned()))));
    assert_eq!(config.password, Some(SecretSource::Secret("creds".to_owned(), "mongo".to_owned())));
}
