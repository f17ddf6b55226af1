//! THINK. What a pooler's answers mean: its pools, and the server that each connects to.

use std::collections::BTreeSet;

use crate::postgres::answers::{TextRow, text};
use crate::{Pool, RetrySettings};

/// A pooler's settings while the Service is changing to a new primary, in seconds (its manual, "Connection sanity checks,
/// timeouts"). Each node's kube-proxy applies the change at its own time, so first connections may fail; the pooler then waits for
/// `server_login_retry`, 15 s by default, while its clients wait.
pub(in crate::postgres) const SHORT_RETRIES: &[(&str, &str)] = &[("server_login_retry", "0.05")];

/// The pools in `SHOW DATABASES`, with the mode of `SHOW CONFIG` where they have none of their own. The console itself is
/// among them without a host; so is a pool that goes to a server on the pooler's own machine, which no other pod can be.
pub(in crate::postgres) fn pools(databases: &[TextRow], settings: &[TextRow]) -> Vec<Pool> {
    let setting =
        |name: &str| settings.iter().find(|row| text(row, "key") == Some(name)).and_then(|row| text(row, "value"));
    let mode = setting("pool_mode");
    let known = SHORT_RETRIES.iter().filter_map(|(name, _)| Some(((*name).to_owned(), setting(name)?.to_owned())));
    let retry_settings: RetrySettings = known.collect();
    databases
        .iter()
        .filter_map(|row| {
            let hosts = text(row, "host")?.split(',').map(|host| host.trim().to_owned()).collect();
            // By default a pooler lends its connections per session (its manual, pool_mode).
            let mode = text(row, "pool_mode").or(mode).unwrap_or("session");
            Some(Pool {
                name: text(row, "name")?.to_owned(),
                hosts,
                per_session: mode == "session",
                paused: text(row, "paused") == Some("1"),
                retry_settings: retry_settings.clone(),
            })
        })
        .collect()
}

/// Whether, by `SHOW POOLS`, each client that waits for one of these pools will be served soon, since the pool has a server
/// connection.
pub(in crate::postgres) fn is_served(answer: &[TextRow], pools: &[String]) -> bool {
    let count = |row: &TextRow, name: &str| text(row, name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let ours =
        answer.iter().filter(|row| text(row, "database").is_some_and(|name| pools.iter().any(|pool| pool == name)));
    let mut ours = ours.filter(|row| count(row, "cl_waiting") > 0);
    ours.all(|row| ["sv_active", "sv_idle", "sv_used"].iter().any(|name| count(row, name) > 0))
}

/// A pooler's connection to a server, as both ends of it tell it apart: the process that serves it there, and the port
/// it comes from. The process alone would not do: in containers, servers have the same few.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::postgres) struct Connection {
    /// `remote_pid` to the pooler, `pid` to the server.
    pub(in crate::postgres) process: String,
    /// `local_port` to the pooler, `client_port` to the server.
    pub(in crate::postgres) port: String,
}

/// The connections of these pools in `SHOW SERVERS` that have got as far as being served by a process.
pub(in crate::postgres) fn connections(answer: &[TextRow], pools: &[String]) -> BTreeSet<Connection> {
    let ours =
        answer.iter().filter(|row| text(row, "database").is_some_and(|name| pools.iter().any(|pool| pool == name)));
    ours.filter_map(|row| {
        let process = text(row, "remote_pid").filter(|process| *process != "0")?.to_owned();
        Some(Connection { process, port: text(row, "local_port")?.to_owned() })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::{Connection, TextRow, connections, is_served, pools};

    fn row(columns: &[(&str, Option<&str>)]) -> TextRow {
        columns.iter().map(|(name, value)| ((*name).to_owned(), value.map(ToOwned::to_owned))).collect()
    }

    #[test]
    fn a_pool_is_served_when_no_client_waits_without_a_server_connection() {
        let pool = |name, waiting, idle| row(&[("database", Some(name)), ("cl_waiting", waiting), ("sv_idle", idle)]);
        let ours = ["app".to_owned()];
        assert!(is_served(&[pool("app", Some("0"), Some("0")), pool("else", Some("9"), Some("0"))], &ours));
        assert!(!is_served(&[pool("app", Some("3"), Some("0"))], &ours));
        assert!(is_served(&[pool("app", Some("3"), Some("1"))], &ours));
    }

    #[test]
    fn a_connection_counts_once_a_process_serves_it_and_only_of_the_pools_in_question() {
        let server =
            |name, process| row(&[("database", Some(name)), ("remote_pid", process), ("local_port", Some("40000"))]);
        let answer = [server("app", Some("77")), server("app", Some("0")), server("else", Some("78"))];
        let known = Connection { process: "77".to_owned(), port: "40000".to_owned() };
        assert_eq!(connections(&answer, &["app".to_owned()]).into_iter().collect::<Vec<_>>(), [known]);
    }

    #[test]
    fn a_pool_has_its_own_mode_or_the_poolers_and_the_console_is_none() {
        let databases = [
            row(&[("name", Some("app")), ("host", Some("db-primary")), ("pool_mode", None), ("paused", Some("0"))]),
            row(&[
                ("name", Some("old")),
                ("host", Some("db-0,db-1")),
                ("pool_mode", Some("session")),
                ("paused", Some("1")),
            ]),
            row(&[
                ("name", Some("pgbouncer")),
                ("host", None),
                ("pool_mode", Some("statement")),
                ("paused", Some("0")),
            ]),
        ];
        let settings = [row(&[("key", Some("pool_mode")), ("value", Some("transaction"))])];
        let found = pools(&databases, &settings);
        let modes: Vec<_> = found.iter().map(|pool| (pool.name.as_str(), pool.per_session, pool.paused)).collect();
        assert_eq!(modes, [("app", false, false), ("old", true, true)]);
        assert_eq!(found[1].hosts, ["db-0", "db-1"]);
        assert!(pools(&databases[..1], &[])[0].per_session, "unknown is what a pause would hang on");
    }
}
