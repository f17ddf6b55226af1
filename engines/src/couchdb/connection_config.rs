//! THINK. How to connect to a CouchDB, read from what its container declares: the official image's variables, which its Helm
//! chart sets from `adminUsername` and `adminPassword` of its Secret.

use stateful_safety::{ConnectionConfig, ContainerFacts, SecretSource, TlsFiles};

/// The official image's variables for its administrator.
const USER: &str = "COUCHDB_USER";
const PASSWORD: &str = "COUCHDB_PASSWORD";

/// What the official chart, and most people, call its port.
const PORTS: &[&str] = &["couchdb", "http"];

/// Reads how to connect. Annotations override.
pub(super) fn connection_config(facts: &ContainerFacts) -> ConnectionConfig {
    let noted = facts.note("port").and_then(|port| port.parse().ok());
    let declared = PORTS.iter().find_map(|name| facts.ports.get(*name)).copied();
    let variable = |name: &str| facts.env.contains_key(name).then(|| SecretSource::Env(name.to_owned()));
    // CouchDB speaks TLS on a port of its own; on this port only a proxy in front of it does, which an annotation has to say.
    let tls = (facts.note("tls") == Some("true")).then(|| TlsFiles {
        authority: facts.key_noted("tls-secret", "ca.crt"),
        certificate: facts.key_noted("tls-client-secret", "tls.crt"),
        key: facts.key_noted("tls-client-secret", "tls.key"),
        server_name: facts.note("tls-server-name").map(ToOwned::to_owned),
        logs_in: false,
    });
    ConnectionConfig {
        port: noted.or(declared).unwrap_or(super::PROFILE.default_port),
        tls,
        username: facts.text_noted("username").or_else(|| variable(USER)),
        password: facts.password_noted("password-secret").or_else(|| variable(PASSWORD)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stateful_safety::{ContainerFacts, SecretSource};

    use super::connection_config;

    #[test]
    fn the_official_images_variables_are_read_and_annotations_have_the_last_word() {
        let env = ["COUCHDB_USER", "COUCHDB_PASSWORD"].map(|name| (name.to_owned(), None));
        let mut facts = ContainerFacts { env: BTreeMap::from(env), ..ContainerFacts::default() };
        let config = connection_config(&facts);
        assert_eq!((config.port, config.tls), (5984, None));
        assert_eq!(config.username, Some(SecretSource::Env("COUCHDB_USER".to_owned())));
        assert_eq!(config.password, Some(SecretSource::Env("COUCHDB_PASSWORD".to_owned())));
        for (name, text) in [("port", "6984"), ("tls", "true"), ("tls-secret", "ca"), ("password-secret", "c/p")] {
            facts.annotations.insert(name.to_owned(), text.to_owned());
        }
        let config = connection_config(&facts);
        assert_eq!(config.port, 6984);
        assert_eq!(config.password, Some(SecretSource::Secret("c".to_owned(), "p".to_owned())));
        let authority = config.tls.expect("TLS").authority;
        assert_eq!(authority, Some(SecretSource::Secret("ca".to_owned(), "ca.crt".to_owned())));
    }
}
