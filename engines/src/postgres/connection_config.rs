//! THINK. How to connect to a PostgreSQL, read from what its container declares: the official image's variables, Bitnami's,
//! Spilo's, or `postgres` with arguments or a mounted `postgresql.conf`.

use stateful_safety::{ConnectionConfig, ContainerFacts, SecretSource, TlsFiles};

/// Variables that hold the superuser's name (official image, Bitnami, Spilo, Patroni).
const USER_VARIABLES: &[&str] = &["POSTGRES_USER", "PGUSER_SUPERUSER", "PATRONI_SUPERUSER_USERNAME"];

/// Bitnami's variables with the password of `postgres` itself, and of the file with it. They are there where another user is
/// named, who is then no superuser: `POSTGRES_USER` and `POSTGRES_PASSWORD` are that one's (its chart,
/// `bitnami/postgresql/templates/primary/statefulset.yaml`, with `auth.username`).
const POSTGRES_OWN: &[(&str, &str)] = &[
    ("POSTGRESQL_POSTGRES_PASSWORD", "POSTGRESQL_POSTGRES_PASSWORD_FILE"),
    ("POSTGRES_POSTGRES_PASSWORD", "POSTGRES_POSTGRES_PASSWORD_FILE"),
];

/// Variables that hold the superuser's password. Bitnami's `POSTGRESQL_PASSWORD` is the superuser's only where no other
/// user is named.
const PASSWORD_VARIABLES: &[&str] = &["POSTGRES_PASSWORD", "PGPASSWORD_SUPERUSER", "PATRONI_SUPERUSER_PASSWORD"];

/// Variables that hold the path of a file with the superuser's password.
const PASSWORD_FILE_VARIABLES: &[&str] = &["POSTGRES_PASSWORD_FILE"];

/// Variables with the name of a user beside the superuser, in Bitnami's image: its password is then the plain variable.
const OTHER_USER_VARIABLES: &[&str] = &["POSTGRESQL_USERNAME"];

/// Reads how to connect. Annotations override, then arguments, then `postgresql.conf`, then the environment.
pub(super) fn connection_config(facts: &ContainerFacts) -> ConnectionConfig {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u16>().ok());
    let declared = ["postgres", "postgresql", "tcp-postgresql", "pg"].iter().find_map(|name| facts.ports.get(*name));
    let variable = ["PGPORT", "POSTGRESQL_PORT_NUMBER"].iter().find_map(|name| number(facts.variable(name)));
    let tls = match facts.note("tls") {
        Some(value) => value == "true",
        // The server accepts connections with and without TLS. Without a known authority there is nothing to verify its certificate
        // against.
        None => setting(facts, "ssl").is_some_and(is_on) && authority(facts).is_some(),
    };
    ConnectionConfig {
        port: number(facts.note("port"))
            .or_else(|| number(setting(facts, "port")))
            .or(variable)
            .or(declared.copied())
            .unwrap_or(super::PROFILE.default_port),
        tls: tls.then(|| tls_files(facts)),
        username: facts.text_noted("username").or_else(|| user(facts)),
        password: password(facts),
    }
}

/// The password of `postgres` itself, where it is declared apart from that of another user.
fn own_password(facts: &ContainerFacts) -> Option<SecretSource> {
    let file = |name: &str| facts.variable(name).filter(|path| !path.is_empty());
    let mut found = POSTGRES_OWN.iter().filter_map(|(word, path)| {
        let by_file = file(path).map(|path| SecretSource::File(path.to_owned()));
        by_file.or_else(|| facts.env.contains_key(*word).then(|| SecretSource::Env((*word).to_owned())))
    });
    found.next()
}

/// The user to log in as: the superuser that the variables name, else `postgres`; also `postgres` where that has a password of its
/// own.
fn user(facts: &ContainerFacts) -> Option<SecretSource> {
    if own_password(facts).is_some() {
        return None;
    }
    let named = |name: &&&str| facts.env.get(**name).is_some_and(|value| value.as_deref() != Some(""));
    USER_VARIABLES.iter().find(named).map(|name| SecretSource::Env((*name).to_owned()))
}

fn password(facts: &ContainerFacts) -> Option<SecretSource> {
    if let Some(secret) = facts.password_noted("password-secret") {
        return Some(secret);
    }
    if let Some(own) = own_password(facts) {
        return Some(own);
    }
    let superuser_alone = OTHER_USER_VARIABLES.iter().all(|name| {
        let named = facts.env.get(*name);
        named.is_none_or(|named| named.as_deref() == Some("postgres"))
    });
    let bitnami = |name: &'static str| superuser_alone.then_some(name);
    let files = PASSWORD_FILE_VARIABLES.iter().copied().chain(bitnami("POSTGRESQL_PASSWORD_FILE"));
    if let Some(path) = files.filter_map(|name| facts.variable(name)).find(|path| !path.is_empty()) {
        return Some(SecretSource::File(path.to_owned()));
    }
    let mut variables = PASSWORD_VARIABLES.iter().copied().chain(bitnami("POSTGRESQL_PASSWORD"));
    variables.find(|name| facts.env.contains_key(*name)).map(|name| SecretSource::Env(name.to_owned()))
}

/// The authority that signed the server's certificate: from an annotation's Secret, or the one in the server's settings.
fn authority(facts: &ContainerFacts) -> Option<SecretSource> {
    let path = setting(facts, "ssl_ca_file").filter(|path| !path.is_empty());
    facts
        .key_noted("tls-secret", "ca.crt")
        .or_else(|| path.map(|path| SecretSource::File(path.to_owned())))
        .or_else(|| facts.variable("POSTGRESQL_TLS_CA_FILE").map(|path| SecretSource::File(path.to_owned())))
}

/// The server's own certificate is not used as a client's: a client certificate comes from the Secret that an annotation names.
fn tls_files(facts: &ContainerFacts) -> TlsFiles {
    let of_secret = |key: &str| facts.key_noted("tls-client-secret", key);
    TlsFiles {
        authority: authority(facts),
        certificate: of_secret("tls.crt"),
        key: of_secret("tls.key"),
        server_name: facts.note("tls-server-name").map(ToOwned::to_owned),
        logs_in: false,
    }
}

fn is_on(text: &str) -> bool {
    ["on", "true", "yes", "1"].contains(&text.to_ascii_lowercase().as_str())
}

/// A server setting: `-c name=value`, `--name=value` or `-p port` among the arguments (in a shell script's text as well),
/// or a line of a mounted configuration file. The last one wins, as it does for the server.
fn setting<'a>(facts: &'a ContainerFacts, name: &str) -> Option<&'a str> {
    let words: Vec<&str> = facts.args.iter().flat_map(|arg| arg.split_whitespace()).collect();
    let mut found = None;
    for (index, word) in words.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| words.get(index)).copied();
        let assigned = word.strip_prefix("--").or_else(|| (before == Some("-c")).then_some(*word)).and_then(|word| {
            let (key, value) = word.split_once('=')?;
            (key.replace('-', "_") == name).then_some(value)
        });
        let short = (name == "port" && before == Some("-p")).then_some(*word);
        found = assigned.or(short).map(unquoted).or(found);
    }
    found.or_else(|| {
        let lines = facts.files.values().flat_map(|file| file.lines().collect::<Vec<_>>());
        lines.rev().find_map(|line| {
            let rest = line.trim().strip_prefix(name)?;
            let rest = rest.trim_start().strip_prefix('=').or_else(|| rest.strip_prefix(char::is_whitespace))?;
            Some(unquoted(rest.split('#').next().unwrap_or(rest).trim()))
        })
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
            files: BTreeMap::from([("/etc/postgresql/postgresql.conf".to_owned(), conf.to_owned())]),
            ..ContainerFacts::default()
        }
    }

    fn env(name: &str) -> SecretSource {
        SecretSource::Env(name.to_owned())
    }

    #[test]
    fn the_official_images_variables_are_read() {
        let config = connection_config(&facts(
            &["postgres"],
            &[("POSTGRES_PASSWORD", None), ("POSTGRES_USER", Some("app"))],
            "",
        ));
        assert_eq!((config.port, config.tls), (5432, None));
        assert_eq!((config.username, config.password), (Some(env("POSTGRES_USER")), Some(env("POSTGRES_PASSWORD"))));
        let by_file = facts(&[], &[("POSTGRES_PASSWORD_FILE", Some("/run/pw"))], "");
        assert_eq!(connection_config(&by_file).password, Some(SecretSource::File("/run/pw".to_owned())));
        let behind = connection_config(&facts(&[], &[("POSTGRES_USER", None)], ""));
        assert_eq!(behind.username, Some(env("POSTGRES_USER")), "a name behind a Secret is looked up, not guessed");
    }

    #[test]
    fn bitnamis_plain_password_is_the_superusers_only_when_no_other_user_is_named() {
        let alone = facts(&[], &[("POSTGRESQL_PASSWORD", None)], "");
        assert_eq!(connection_config(&alone).password, Some(env("POSTGRESQL_PASSWORD")));
        let both = [("POSTGRESQL_USERNAME", Some("app")), ("POSTGRESQL_PASSWORD", None)];
        assert_eq!(connection_config(&facts(&[], &both, "")).password, None);
        let superuser = [both[0], both[1], ("POSTGRESQL_POSTGRES_PASSWORD", None)];
        assert_eq!(connection_config(&facts(&[], &superuser, "")).password, Some(env("POSTGRESQL_POSTGRES_PASSWORD")));
    }

    /// What the projects' own templates give the container, the name of each beside it. Facts only.
    #[test]
    fn each_projects_own_manifest_leads_to_the_superuser() {
        let secrets = "/opt/bitnami/postgresql/secrets";
        // bitnami/postgresql/templates/primary/statefulset.yaml with auth.username, by files and by variables.
        let (user, admin) = (format!("{secrets}/password"), format!("{secrets}/postgres-password"));
        let by_files = [
            ("POSTGRES_USER", Some("app")),
            ("POSTGRES_PASSWORD_FILE", Some(user.as_str())),
            ("POSTGRES_POSTGRES_PASSWORD_FILE", Some(admin.as_str())),
        ];
        let config = connection_config(&facts(&[], &by_files, ""));
        assert_eq!(
            (config.username, config.password),
            (None, Some(SecretSource::File(admin.clone()))),
            "postgres, not app"
        );
        let by_variables =
            [("POSTGRES_USER", Some("app")), ("POSTGRES_PASSWORD", None), ("POSTGRES_POSTGRES_PASSWORD", None)];
        let config = connection_config(&facts(&[], &by_variables, ""));
        assert_eq!((config.username, config.password), (None, Some(env("POSTGRES_POSTGRES_PASSWORD"))));
        // The same without auth.username: the one password is the superuser's.
        let config = connection_config(&facts(&[], &[("POSTGRES_PASSWORD_FILE", Some(admin.as_str()))], ""));
        assert_eq!((config.username, config.password), (None, Some(SecretSource::File(admin.clone()))));
        // Zalando's operator, `generateSpiloPodEnvVars`.
        let spilo = [
            ("PGUSER_SUPERUSER", Some("postgres")),
            ("PGPASSWORD_SUPERUSER", None),
            ("PGUSER_STANDBY", Some("standby")),
            ("PGPASSWORD_STANDBY", None),
        ];
        let config = connection_config(&facts(&[], &spilo, ""));
        assert_eq!(
            (config.username, config.password),
            (Some(env("PGUSER_SUPERUSER")), Some(env("PGPASSWORD_SUPERUSER")))
        );
    }

    #[test]
    fn the_port_is_found_wherever_people_put_it() {
        for args in [&["postgres", "-p", "5433"][..], &["postgres -c port=5433"], &["postgres", "--port=5433"]] {
            assert_eq!(connection_config(&facts(args, &[], "port = 1\n")).port, 5433, "{args:?}");
        }
        assert_eq!(connection_config(&facts(&[], &[], "#port = 1\nport = 5434 # ours\n")).port, 5434);
        assert_eq!(connection_config(&facts(&[], &[("PGPORT", Some("5435"))], "")).port, 5435);
    }

    #[test]
    fn tls_is_used_where_the_authority_is_known() {
        assert_eq!(connection_config(&facts(&["postgres", "-c", "ssl=on"], &[], "")).tls, None);
        let config = connection_config(&facts(&[], &[], "ssl = on\nssl_ca_file = '/tls/ca.crt'\n"));
        assert_eq!(config.tls.and_then(|tls| tls.authority), Some(SecretSource::File("/tls/ca.crt".to_owned())));
    }

    #[test]
    fn annotations_have_the_last_word() {
        let mut facts = facts(&["postgres", "-p", "7000"], &[("POSTGRES_PASSWORD", None)], "");
        for (name, text) in [("port", "7001"), ("password-secret", "creds/pg"), ("username", "root"), ("tls", "true")] {
            facts.annotations.insert(name.to_owned(), text.to_owned());
        }
        let config = connection_config(&facts);
        assert_eq!((config.port, config.tls.is_some()), (7001, true));
        assert_eq!(config.username, Some(SecretSource::Text("root".to_owned())));
        assert_eq!(config.password, Some(SecretSource::Secret("creds".to_owned(), "pg".to_owned())));
    }
}
