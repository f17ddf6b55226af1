//! THINK. How to connect to a MongoDB, read from what its container declares: the official image's variables, Bitnami's, or
//! `mongod` with arguments or a mounted `mongod.conf`.

use stateful_safety::{ConnectionConfig, ContainerFacts, SecretSource, TlsFiles};

/// Variables that hold the administrator's name (official image, Bitnami).
const USER_VARIABLES: &[&str] = &["MONGO_INITDB_ROOT_USERNAME", "MONGODB_ROOT_USER"];

/// Variables that hold the administrator's password.
const PASSWORD_VARIABLES: &[&str] = &["MONGO_INITDB_ROOT_PASSWORD", "MONGODB_ROOT_PASSWORD"];

/// Variables that hold the path of a file with it.
const PASSWORD_FILE_VARIABLES: &[&str] = &["MONGO_INITDB_ROOT_PASSWORD_FILE", "MONGODB_ROOT_PASSWORD_FILE"];

/// More words of the server's command line, in Bitnami's chart: there it says how TLS is spoken
/// (`templates/replicaset/statefulset.yaml`).
const MORE_ARGUMENTS: &str = "MONGODB_EXTRA_FLAGS";

/// How Percona's operator starts a server, from `/opt/percona` by now and from `/data/db` before. Its users come whole from a
/// Secret, the certificates from a fixed place (`pkg/psmdb/container.go` and `psmdb_types.go` of its operator).
const PERCONA_ENTRY: &str = "/ps-entry.sh";
/// There, the user that may read the set's status and step its primary down.
const PERCONA_USER: [&str; 2] = ["MONGODB_CLUSTER_ADMIN_USER", "MONGODB_CLUSTER_ADMIN_PASSWORD"];
/// There, the authority of the certificates.
const PERCONA_AUTHORITY: &str = "/etc/mongodb-ssl/ca.crt";

/// The user that Bitnami's image creates where no other is named.
const BITNAMI_USER: &str = "root";

/// Reads how to connect. Annotations override, then arguments, then `mongod.conf`, then the environment.
pub(super) fn connection_config(facts: &ContainerFacts) -> ConnectionConfig {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u16>().ok());
    let declared = ["mongodb", "mongod", "mongo", "tcp-mongodb"].iter().find_map(|name| facts.ports.get(*name));
    let mode = argument(facts, &["tlsMode", "sslMode"]).or_else(|| setting(facts, &["net", "tls", "mode"]));
    let tls = match facts.note("tls") {
        Some(value) => value == "true",
        None => mode.is_some_and(|mode| !["disabled", "allowTLS", "allowSSL"].contains(&mode)),
    };
    // The user that the variables name cannot log in there.
    let by_certificate = tls && takes_certificates_alone(facts);
    let password = password(facts).filter(|_| !by_certificate);
    ConnectionConfig {
        port: number(facts.note("port"))
            .or_else(|| number(argument(facts, &["port"])))
            .or_else(|| number(setting(facts, &["net", "port"])))
            .or_else(|| number(facts.variable("MONGODB_PORT_NUMBER")))
            .or(declared.copied())
            .unwrap_or(super::PROFILE.default_port),
        tls: tls.then(|| TlsFiles { logs_in: by_certificate, ..tls_files(facts) }),
        // A password without a name is Bitnami's.
        username: user(facts)
            .filter(|_| !by_certificate)
            .or_else(|| password.is_some().then(|| SecretSource::Text(BITNAMI_USER.to_owned()))),
        password,
    }
}

fn user(facts: &ContainerFacts) -> Option<SecretSource> {
    let named = |name: &&&str| facts.env.get(**name).is_some_and(|value| value.as_deref() != Some(""));
    let variable = || USER_VARIABLES.iter().find(named).map(|name| SecretSource::Env((*name).to_owned()));
    facts.text_noted("username").or_else(variable).or_else(|| percona(facts, PERCONA_USER[0]))
}

/// A user's name or password, as Percona's operator keeps them.
fn percona(facts: &ContainerFacts, key: &str) -> Option<SecretSource> {
    let users = facts.secrets_from.first().filter(|_| is_perconas(facts))?;
    Some(SecretSource::Secret(users.clone(), key.to_owned()))
}

fn is_perconas(facts: &ContainerFacts) -> bool {
    facts.args.iter().any(|arg| arg.ends_with(PERCONA_ENTRY))
}

/// Whether the server refuses all passwords (manual, `authenticationMechanisms`). A server's own certificate logs in as a member
/// then, with all rights of members; the certificate of a Secret named by an annotation logs in as its user.
fn takes_certificates_alone(facts: &ContainerFacts) -> bool {
    let value = words(facts).into_iter().rev().find_map(|word| {
        let (before, after) = word.split_once("authenticationMechanisms=")?;
        ["", "--setParameter="].contains(&before).then(|| unquoted(after))
    });
    let mechanisms = value.or_else(|| setting(facts, &["setParameter", "authenticationMechanisms"]));
    mechanisms.is_some_and(|value| value.contains("MONGODB-X509") && !value.contains("SCRAM"))
}

fn password(facts: &ContainerFacts) -> Option<SecretSource> {
    if let Some(secret) = facts.password_noted("password-secret") {
        return Some(secret);
    }
    let file = PASSWORD_FILE_VARIABLES.iter().find_map(|name| facts.variable(name));
    if let Some(path) = file.filter(|path| !path.is_empty()) {
        return Some(SecretSource::File(path.to_owned()));
    }
    let variable = PASSWORD_VARIABLES.iter().find(|name| facts.env.contains_key(**name));
    variable.map(|name| SecretSource::Env((*name).to_owned())).or_else(|| percona(facts, PERCONA_USER[1]))
}

/// The server presents its own certificate to its peers, so it is used here as well, where the server asks clients for one: a
/// server without a configured authority does not ask (manual, `net.tls.CAFile`).
fn tls_files(facts: &ContainerFacts) -> TlsFiles {
    let file = |options: [&str; 2], key: &str| {
        let value = argument(facts, &options).or_else(|| setting(facts, &["net", "tls", key]));
        value.map(|path| SecretSource::File(path.to_owned()))
    };
    let authority = file(["tlsCAFile", "sslCAFile"], "CAFile")
        .or_else(|| is_perconas(facts).then(|| SecretSource::File(PERCONA_AUTHORITY.to_owned())));
    let own = file(["tlsCertificateKeyFile", "sslPEMKeyFile"], "certificateKeyFile").filter(|_| authority.is_some());
    TlsFiles {
        authority: facts.key_noted("tls-secret", "ca.crt").or(authority),
        certificate: facts.key_noted("tls-client-secret", "tls.crt").or_else(|| own.clone()),
        key: facts.key_noted("tls-client-secret", "tls.key").or(own),
        server_name: facts.note("tls-server-name").map(ToOwned::to_owned),
        logs_in: false,
    }
}

/// The words of the server's command line (a shell script's text among them).
fn words(facts: &ContainerFacts) -> Vec<&str> {
    let arguments = facts.args.iter().map(String::as_str).chain(facts.variable(MORE_ARGUMENTS));
    arguments.flat_map(str::split_whitespace).collect()
}

/// A server option, `--name value` or `--name=value`, among the arguments. The last one wins, as it does for the server.
fn argument<'a>(facts: &'a ContainerFacts, names: &[&str]) -> Option<&'a str> {
    let words = words(facts);
    let mut found = None;
    for (index, word) in words.iter().enumerate() {
        let Some(option) = word.strip_prefix("--") else { continue };
        let (option, value) = match option.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (option, words.get(index + 1).copied()),
        };
        if names.contains(&option) {
            found = value.map(unquoted).or(found);
        }
    }
    found
}

/// A setting of a mounted `mongod.conf`: nested keys, one a line, deeper ones further in (YAML as the server's own manual
/// writes it).
fn setting<'a>(facts: &'a ContainerFacts, path: &[&str]) -> Option<&'a str> {
    facts.files.values().find_map(|text| in_file(text, path))
}

fn in_file<'a>(text: &'a str, path: &[&str]) -> Option<&'a str> {
    // The keys that lead to the present line, each with how far in it stands.
    let mut above: Vec<(usize, &str)> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split('#').next().and_then(|line| line.split_once(':')) else { continue };
        let indent = key.len() - key.trim_start().len();
        above.retain(|(further, _)| *further < indent);
        above.push((indent, key.trim()));
        if above.iter().map(|(_, key)| *key).eq(path.iter().copied()) {
            return Some(unquoted(value.trim()));
        }
    }
    None
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '\''])
}

#[cfg(test)]
mod tests;
