//! THINK. How to connect to a pooler's console, from what its pod declares: our own annotations, the variables of images in
//! use, `pgbouncer.ini` where a ConfigMap holds it.

use stateful_safety::{ConnectionConfig, ContainerFacts, SecretSource};

/// The port of its manual (`listen_port`).
const PORT: u16 = 6432;

/// Variables that hold the names of the console's users. Of a list the first one is used.
const USER_VARIABLES: &[&str] = &["PGBOUNCER_ADMIN_USER", "PGBOUNCER_ADMIN_USERS", "ADMIN_USERS"];

/// Variables that hold a console user's password.
const PASSWORD_VARIABLES: &[&str] = &["PGBOUNCER_ADMIN_PASSWORD", "ADMIN_PASSWORD"];

/// Variables of images with a single user: name and password. That user may use the console if it is also the console's user.
const ONLY_USER: &[(&str, &str)] = &[("DB_USER", "DB_PASSWORD"), ("POSTGRESQL_USERNAME", "POSTGRESQL_PASSWORD")];

/// How to connect to the console. Where no password is known it is tried without one: a console may be configured to ask for none.
pub(in crate::postgres) fn connection_config(facts: &ContainerFacts) -> ConnectionConfig {
    let port = |text: Option<&str>| text.and_then(|text| text.parse().ok());
    let declared = ["pgbouncer", "postgres", "postgresql", "pg"].iter().find_map(|name| facts.ports.get(*name));
    let only = facts.ports.values().next().filter(|_| facts.ports.len() == 1);
    let username = facts
        .note("pooler-username")
        .or_else(|| USER_VARIABLES.iter().find_map(|name| value(facts, name)))
        .or_else(|| setting(facts, "admin_users"))
        .map(|names| names.split([',', ' ']).next().unwrap_or(names).to_owned());
    let same = ONLY_USER.iter().find(|(user, _)| {
        let named = value(facts, user);
        named.is_some() && (username.is_none() || named == username.as_deref())
    });
    ConnectionConfig {
        port: port(facts.note("pooler-port"))
            .or_else(|| port(value(facts, "PGBOUNCER_PORT")))
            .or_else(|| port(setting(facts, "listen_port")))
            .or(declared.copied())
            .or(only.copied())
            .unwrap_or(PORT),
        tls: None,
        password: password(facts, same.map(|(_, password)| *password)),
        username: username
            .or_else(|| value(facts, same?.0).map(ToOwned::to_owned))
            .or(Some("pgbouncer".to_owned()))
            .map(SecretSource::Text),
    }
}

fn password(facts: &ContainerFacts, of_only_user: Option<&str>) -> Option<SecretSource> {
    if let Some(secret) = facts.password_noted("pooler-password-secret") {
        return Some(secret);
    }
    let mut variables = PASSWORD_VARIABLES.iter().copied().chain(of_only_user);
    variables.find(|name| facts.env.contains_key(*name)).map(|name| SecretSource::Env(name.to_owned()))
}

fn value<'a>(facts: &'a ContainerFacts, variable: &str) -> Option<&'a str> {
    facts.variable(variable).filter(|text| !text.is_empty())
}

/// A line of its configuration file; the last one counts.
fn setting<'a>(facts: &'a ContainerFacts, name: &str) -> Option<&'a str> {
    let lines = facts.files.values().flat_map(|text| text.lines());
    let mut found = lines.rev().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then_some(value.trim())
    });
    found.find(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use stateful_safety::{ContainerFacts, SecretSource};

    use super::connection_config;

    fn facts(env: &[(&str, Option<&str>)], ini: &str) -> ContainerFacts {
        ContainerFacts {
            env: env.iter().map(|(name, value)| ((*name).to_owned(), value.map(ToOwned::to_owned))).collect(),
            files: BTreeMap::from([("/etc/pgbouncer/pgbouncer.ini".to_owned(), ini.to_owned())]),
            ..ContainerFacts::default()
        }
    }

    #[test]
    fn the_consoles_user_is_the_one_its_configuration_names() {
        let config = connection_config(&facts(
            &[("PGBOUNCER_ADMIN_PASSWORD", None), ("APP_PASSWORD", None)],
            "[pgbouncer]\nlisten_port = 7000\nadmin_users = root, other\n",
        ));
        assert_eq!((config.port, config.username), (7000, Some(SecretSource::Text("root".to_owned()))));
        assert_eq!(config.password, Some(SecretSource::Env("PGBOUNCER_ADMIN_PASSWORD".to_owned())));
    }

    #[test]
    fn an_applications_password_is_not_taken_for_the_consoles() {
        let env = [("DB_USER", Some("app")), ("DB_PASSWORD", None), ("ADMIN_USERS", Some("root"))];
        assert_eq!(connection_config(&facts(&env, "")).password, None);
        let same = [env[0], env[1], ("ADMIN_USERS", Some("app"))];
        assert_eq!(connection_config(&facts(&same, "")).password, Some(SecretSource::Env("DB_PASSWORD".to_owned())));
    }

    #[test]
    fn annotations_have_the_last_word() {
        let mut facts = facts(&[("PGBOUNCER_ADMIN_PASSWORD", None)], "admin_users = root");
        for (name, text) in [("pooler-username", "me"), ("pooler-password-secret", "keys/pg"), ("pooler-port", "1")] {
            facts.annotations.insert(name.to_owned(), text.to_owned());
        }
        let config = connection_config(&facts);
        assert_eq!((config.port, config.username), (1, Some(SecretSource::Text("me".to_owned()))));
        assert_eq!(config.password, Some(SecretSource::Secret("keys".to_owned(), "pg".to_owned())));
    }
}
