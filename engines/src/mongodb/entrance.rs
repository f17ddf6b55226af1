//! THINK. How to get into a MongoDB, read from what its container declares: the official image's variables, Bitnami's, or
//! `mongod` with arguments or a mounted `mongod.conf`.

use stateful_safety::{ContainerFacts, EngineKind, Entrance, Source, TlsFiles};

/// Variables that hold the administrator's name (official image, Bitnami).
const USER_VARIABLES: &[&str] = &["MONGO_INITDB_ROOT_USERNAME", "MONGODB_ROOT_USER"];

/// Variables that hold the administrator's password.
const PASSWORD_VARIABLES: &[&str] = &["MONGO_INITDB_ROOT_PASSWORD", "MONGODB_ROOT_PASSWORD"];

/// Variables that hold the path of a file with it.
const PASSWORD_FILE_VARIABLES: &[&str] = &["MONGO_INITDB_ROOT_PASSWORD_FILE", "MONGODB_ROOT_PASSWORD_FILE"];

/// How Percona's operator starts a server. Its users come whole from a Secret, the certificates from a fixed place
/// (`pkg/psmdb/container.go` and `psmdb_types.go` of its operator).
const PERCONA_ENTRY: &str = "/opt/percona/ps-entry.sh";
/// Who may look at the set and step its primary down, there.
const PERCONA_USER: [&str; 2] = ["MONGODB_CLUSTER_ADMIN_USER", "MONGODB_CLUSTER_ADMIN_PASSWORD"];
/// The authority of its certificates, there.
const PERCONA_AUTHORITY: &str = "/etc/mongodb-ssl/ca.crt";

/// Whom Bitnami's image makes where nobody names another.
const BITNAMI_USER: &str = "root";

/// Reads the way in. Annotations override, then arguments, then `mongod.conf`, then the environment.
pub(super) fn entrance(facts: &ContainerFacts) -> Entrance {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u16>().ok());
    let declared = ["mongodb", "mongod", "mongo", "tcp-mongodb"].iter().find_map(|name| facts.ports.get(*name));
    let mode = argument(facts, &["tlsMode", "sslMode"]).or_else(|| setting(facts, &["net", "tls", "mode"]));
    let tls = match facts.note("tls") {
        Some(told) => told == "true",
        None => mode.is_some_and(|mode| !["disabled", "allowTLS", "allowSSL"].contains(&mode)),
    };
    let password = password(facts);
    Entrance {
        port: number(facts.note("port"))
            .or_else(|| number(argument(facts, &["port"])))
            .or_else(|| number(setting(facts, &["net", "port"])))
            .or_else(|| number(facts.variable("MONGODB_PORT_NUMBER")))
            .or(declared.copied())
            .unwrap_or(EngineKind::Mongodb.default_port()),
        tls: tls.then(|| tls_files(facts)),
        // A password without a name is Bitnami's.
        username: user(facts).or_else(|| password.is_some().then(|| Source::Text(BITNAMI_USER.to_owned()))),
        password,
    }
}

fn user(facts: &ContainerFacts) -> Option<Source> {
    let named = |name: &&&str| facts.env.get(**name).is_some_and(|value| value.as_deref() != Some(""));
    let variable = || USER_VARIABLES.iter().find(named).map(|name| Source::Env((*name).to_owned()));
    facts.text_noted("username").or_else(variable).or_else(|| percona(facts, PERCONA_USER[0]))
}

/// A user's name or password, as Percona's operator keeps them.
fn percona(facts: &ContainerFacts, key: &str) -> Option<Source> {
    let users = facts.secrets_from.first().filter(|_| is_perconas(facts))?;
    Some(Source::Secret(users.clone(), key.to_owned()))
}

fn is_perconas(facts: &ContainerFacts) -> bool {
    facts.args.iter().any(|arg| arg == PERCONA_ENTRY)
}

fn password(facts: &ContainerFacts) -> Option<Source> {
    if let Some(secret) = facts.password_noted("password-secret") {
        return Some(secret);
    }
    let file = PASSWORD_FILE_VARIABLES.iter().find_map(|name| facts.variable(name));
    if let Some(path) = file.filter(|path| !path.is_empty()) {
        return Some(Source::File(path.to_owned()));
    }
    let variable = PASSWORD_VARIABLES.iter().find(|name| facts.env.contains_key(**name));
    variable.map(|name| Source::Env((*name).to_owned())).or_else(|| percona(facts, PERCONA_USER[1]))
}

/// The server's own certificate is what it shows to its peers as a client, so it is shown here too.
fn tls_files(facts: &ContainerFacts) -> TlsFiles {
    let file = |options: [&str; 2], key: &str| {
        let told = argument(facts, &options).or_else(|| setting(facts, &["net", "tls", key]));
        told.map(|path| Source::File(path.to_owned()))
    };
    let authority = file(["tlsCAFile", "sslCAFile"], "CAFile")
        .or_else(|| is_perconas(facts).then(|| Source::File(PERCONA_AUTHORITY.to_owned())));
    let own = file(["tlsCertificateKeyFile", "sslPEMKeyFile"], "certificateKeyFile");
    TlsFiles {
        authority: facts.key_noted("tls-secret", "ca.crt").or(authority),
        certificate: facts.key_noted("tls-client-secret", "tls.crt").or_else(|| own.clone()),
        key: facts.key_noted("tls-client-secret", "tls.key").or(own),
        server_name: facts.note("tls-server-name").map(ToOwned::to_owned),
    }
}

/// A server option, `--name value` or `--name=value`, among the arguments (in a shell script's text as well). The last one
/// wins, as it does for the server.
fn argument<'a>(facts: &'a ContainerFacts, names: &[&str]) -> Option<&'a str> {
    let words: Vec<&str> = facts.args.iter().flat_map(|arg| arg.split_whitespace()).collect();
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
mod tests {
    use std::collections::BTreeMap;

    use stateful_safety::{ContainerFacts, Source};

    use super::entrance;

    fn facts(args: &[&str], env: &[(&str, Option<&str>)], conf: &str) -> ContainerFacts {
        ContainerFacts {
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), value.map(ToOwned::to_owned))).collect(),
            files: BTreeMap::from([("/etc/mongod.conf".to_owned(), conf.to_owned())]),
            ..ContainerFacts::default()
        }
    }

    fn env(name: &str) -> Source {
        Source::Env(name.to_owned())
    }

    #[test]
    fn the_official_images_variables_are_read() {
        let variables = [("MONGO_INITDB_ROOT_USERNAME", None), ("MONGO_INITDB_ROOT_PASSWORD", None)];
        let way = entrance(&facts(&["mongod", "--replSet", "rs0"], &variables, ""));
        assert_eq!((way.port, way.tls), (27017, None));
        assert_eq!((way.username, way.password), (Some(env(variables[0].0)), Some(env(variables[1].0))));
    }

    #[test]
    fn a_password_without_a_name_is_bitnamis_root() {
        let way = entrance(&facts(&[], &[("MONGODB_ROOT_PASSWORD", None)], ""));
        assert_eq!(way.username, Some(Source::Text("root".to_owned())));
        assert_eq!(entrance(&facts(&[], &[], "")).username, None, "nobody is named where nobody logs in");
    }

    /// Arguments and references as Percona's own tests expect them (`e2e-tests/init-deploy/compare/statefulset_some-name-rs0.yml`).
    #[test]
    fn the_users_of_perconas_operator_come_whole_from_its_secret() {
        let args = ["/opt/percona/ps-entry.sh", "--port=27017", "--replSet=rs0", "--tlsMode=preferTLS"];
        let told = facts(&args, &[("MONGODB_PORT", Some("27017")), ("MONGODB_REPLSET", Some("rs0"))], "");
        let way = entrance(&ContainerFacts { secrets_from: vec!["internal-some-name-users".to_owned()], ..told });
        let key = |key: &str| Some(Source::Secret("internal-some-name-users".to_owned(), key.to_owned()));
        assert_eq!(way.username, key("MONGODB_CLUSTER_ADMIN_USER"));
        assert_eq!(way.password, key("MONGODB_CLUSTER_ADMIN_PASSWORD"));
        assert_eq!(way.tls.expect("TLS").authority, Some(Source::File("/etc/mongodb-ssl/ca.crt".to_owned())));
    }

    #[test]
    fn the_port_is_found_wherever_people_put_it() {
        for args in [&["mongod", "--port", "27018"][..], &["mongod --port=27018"]] {
            assert_eq!(entrance(&facts(args, &[], "net:\n  port: 1\n")).port, 27018, "{args:?}");
        }
        let conf = "storage:\n  port: 3\nnet:\n  tls:\n    port: 4\n  port: 27019 # ours\n";
        assert_eq!(entrance(&facts(&[], &[], conf)).port, 27019);
    }

    #[test]
    fn tls_is_spoken_where_the_server_asks_for_it() {
        let conf =
            "net:\n  tls:\n    mode: requireTLS\n    CAFile: /tls/ca.crt\n    certificateKeyFile: /tls/all.pem\n";
        let files = entrance(&facts(&["mongod"], &[], conf)).tls.expect("TLS");
        assert_eq!(files.authority, Some(Source::File("/tls/ca.crt".to_owned())));
        assert_eq!(
            (files.certificate.clone(), files.certificate),
            (files.key, Some(Source::File("/tls/all.pem".to_owned())))
        );
        assert_eq!(entrance(&facts(&["mongod", "--tlsMode", "allowTLS"], &[], "")).tls, None, "plain text will do");
    }

    #[test]
    fn annotations_have_the_last_word() {
        let mut told = facts(&["mongod", "--port", "7000"], &[("MONGO_INITDB_ROOT_PASSWORD", None)], "");
        for (name, text) in [("port", "7001"), ("password-secret", "creds/mongo"), ("username", "admin")] {
            told.annotations.insert(name.to_owned(), text.to_owned());
        }
        let way = entrance(&told);
        assert_eq!((way.port, way.username), (7001, Some(Source::Text("admin".to_owned()))));
        assert_eq!(way.password, Some(Source::Secret("creds".to_owned(), "mongo".to_owned())));
    }
}
