//! THINK. How to connect to a Redis, read from what its container declares: plain `redis-server` with arguments or a
//! mounted `redis.conf`, and the environment variables of the well-known images.

use stateful_safety::{ConnectionConfig, ContainerFacts, SecretSource, TlsFiles};

/// Variables that hold the default user's password, in the images people run (official, Bitnami, operators).
const PASSWORD_VARIABLES: &[&str] =
    &["REDIS_PASSWORD", "REDISCLI_AUTH", "REDIS_AUTH", "REDIS_MASTER_PASSWORD", "VALKEY_PASSWORD", "VALKEYCLI_AUTH"];

/// Variables that hold the path of a file with the password.
const PASSWORD_FILE_VARIABLES: &[&str] = &["REDIS_PASSWORD_FILE", "VALKEY_PASSWORD_FILE"];

/// Reads how to connect. Annotations override, then arguments, then `redis.conf`, then the environment.
pub(super) fn connection_config(facts: &ContainerFacts) -> ConnectionConfig {
    let tls_port = setting(facts, "tls-port").and_then(|port| port.parse::<u16>().ok()).filter(|port| *port != 0);
    let noted = facts.note("tls").map(|tls| tls == "true");
    let bitnami = ["REDIS_TLS_ENABLED", "VALKEY_TLS_ENABLED"].iter().any(|name| facts.variable(name) == Some("yes"));
    let tls = noted.unwrap_or(tls_port.is_some() || bitnami).then(|| tls_files(facts));
    let port = setting(facts, "port").and_then(|port| port.parse().ok()).filter(|port| *port != 0);
    let declared = ["redis", "tcp-redis", "client", "valkey"].iter().find_map(|name| facts.ports.get(*name).copied());
    ConnectionConfig {
        port: facts
            .note("port")
            .and_then(|port| port.parse().ok())
            .or(if tls.is_some() { tls_port } else { port })
            .or(declared)
            .unwrap_or(super::PROFILE.default_port),
        tls,
        username: facts.text_noted("username"),
        password: password(facts),
    }
}

fn password(facts: &ContainerFacts) -> Option<SecretSource> {
    if let Some(secret) = facts.password_noted("password-secret") {
        return Some(secret);
    }
    if let Some(text) = setting(facts, "requirepass") {
        // `$(NAME)` in an argument is the kubelet's way to put a variable there; `$NAME` a shell's or a template's.
        let name = text.trim_start_matches('$').trim_matches(['(', ')', '{', '}']);
        return Some(if text.starts_with('$') {
            SecretSource::Env(name.to_owned())
        } else {
            SecretSource::Text(text.to_owned())
        });
    }
    let file = PASSWORD_FILE_VARIABLES.iter().find_map(|name| facts.variable(name));
    if let Some(path) = file.filter(|path| !path.is_empty()) {
        return Some(SecretSource::File(path.to_owned()));
    }
    PASSWORD_VARIABLES
        .iter()
        .find(|name| facts.env.contains_key(**name))
        .map(|name| SecretSource::Env((*name).to_owned()))
}

fn tls_files(facts: &ContainerFacts) -> TlsFiles {
    let file = |option: &str, variable: &str, key: &str| {
        facts
            .key_noted("tls-secret", key)
            .or_else(|| setting(facts, option).map(|path| SecretSource::File(path.to_owned())))
            .or_else(|| facts.variable(variable).map(|path| SecretSource::File(path.to_owned())))
    };
    TlsFiles {
        authority: file("tls-ca-cert-file", "REDIS_TLS_CA_FILE", "ca.crt"),
        certificate: file("tls-cert-file", "REDIS_TLS_CERT_FILE", "tls.crt"),
        key: file("tls-key-file", "REDIS_TLS_KEY_FILE", "tls.key"),
        server_name: facts.note("tls-server-name").map(ToOwned::to_owned),
        logs_in: false,
    }
}

/// A server setting: `--name value` among the arguments (in a shell script's text as well), or a line of a mounted
/// configuration file. The last one wins, as it does for the server.
fn setting<'a>(facts: &'a ContainerFacts, name: &str) -> Option<&'a str> {
    let flag = format!("--{name}");
    let mut words = facts.args.iter().flat_map(|arg| arg.split_whitespace());
    let mut found = None;
    while let Some(word) = words.next() {
        if word == flag {
            found = words.next().map(unquoted);
        }
    }
    found.or_else(|| {
        let lines = facts.files.values().flat_map(|file| file.lines().collect::<Vec<_>>());
        lines
            .rev()
            .find_map(|line| Some(unquoted(line.trim().strip_prefix(name)?.strip_prefix(char::is_whitespace)?.trim())))
    })
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stateful_safety::{ContainerFacts, SecretSource};

    use super::connection_config;

    fn facts(args: &[&str], env: &[(&str, Option<&str>)], conf: &str) -> ContainerFacts {
        ContainerFacts {
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), value.map(ToOwned::to_owned))).collect(),
            files: BTreeMap::from([("/etc/redis/redis.conf".to_owned(), conf.to_owned())]),
            ..ContainerFacts::default()
        }
    }

    #[test]
    fn a_plain_server_needs_nothing() {
        let config = connection_config(&facts(&["redis-server", "/etc/redis/redis.conf"], &[], "appendonly yes\n"));
        assert_eq!((config.port, config.tls, config.password), (6379, None, None));
    }

    #[test]
    fn the_password_is_found_by_reference_wherever_people_put_it() {
        let by_argument = facts(&["sh", "-c", "exec redis-server --requirepass \"$(PASS)\""], &[("PASS", None)], "");
        assert_eq!(connection_config(&by_argument).password, Some(SecretSource::Env("PASS".to_owned())));
        let by_variable = facts(&[], &[("REDIS_PASSWORD", None)], "");
        assert_eq!(connection_config(&by_variable).password, Some(SecretSource::Env("REDIS_PASSWORD".to_owned())));
        let by_file = facts(&[], &[("REDIS_PASSWORD_FILE", Some("/run/secret/redis"))], "");
        assert_eq!(connection_config(&by_file).password, Some(SecretSource::File("/run/secret/redis".to_owned())));
        let in_conf = facts(&[], &[], "# requirepass old\nrequirepass \"open\"\n");
        assert_eq!(connection_config(&in_conf).password, Some(SecretSource::Text("open".to_owned())));
    }

    #[test]
    fn tls_is_seen_where_the_server_is_told_of_it() {
        let conf = "port 0\ntls-port 6380\ntls-ca-cert-file /tls/ca.crt\n";
        let config = connection_config(&facts(&["redis-server"], &[], conf));
        assert_eq!(config.port, 6380);
        assert_eq!(config.tls.and_then(|tls| tls.authority), Some(SecretSource::File("/tls/ca.crt".to_owned())));
        assert_eq!(connection_config(&facts(&[], &[], "tls-port 0\n")).tls, None);
    }

    #[test]
    fn annotations_have_the_last_word() {
        let mut facts = facts(&["redis-server", "--port", "7000"], &[], "");
        assert_eq!(connection_config(&facts).port, 7000);
        facts.annotations.insert("port".to_owned(), "7001".to_owned());
        facts.annotations.insert("password-secret".to_owned(), "creds/redis".to_owned());
        let config = connection_config(&facts);
        assert_eq!(config.port, 7001);
        assert_eq!(config.password, Some(SecretSource::Secret("creds".to_owned(), "redis".to_owned())));
    }
}
