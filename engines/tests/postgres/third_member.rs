//! A third member that may be the primary: while there is no primary another tool, or a person, may promote it.

use std::time::Duration;

use stateful_engines::SwitchoverError;

use super::faults::{Moment, start_switchover, until};
use super::servers::{Servers, name};
use crate::common::database::Database;
use crate::common::processes::{freeze, thaw};
use crate::common::turns::Measures;

/// A switchover that died when the old primary had stopped: no member is the primary.
async fn without_primary() -> Servers {
    let servers = Servers::start(Measures::Nothing).await;
    let dying = start_switchover(&servers, servers.endpoints());
    until(&servers, Moment::Stopped, 0, 1).await;
    dying.abort();
    servers
}

#[tokio::test(flavor = "multi_thread")]
async fn no_member_is_promoted_beside_a_third_one_that_was_and_is_silent_now() {
    let servers = without_primary().await;
    servers.run_sql(2, "SELECT pg_promote()").await;
    freeze(servers.process(2));
    let finished = tokio::time::timeout(Duration::from_secs(15), servers.switch_over(&name(0), &name(1))).await;
    let promoted = !servers.data(1).join("standby.signal").exists();
    thaw(servers.process(2));
    assert!(!promoted, "pg-1 was promoted beside pg-2: {finished:?}");
    let refused = servers.switch_over(&name(0), &name(1)).await;
    let names_it = |error: &SwitchoverError| error.to_string().contains("pg-2 is the primary already");
    assert!(refused.as_ref().is_err_and(names_it), "{refused:?}");
}

/// A session of ours is the server's own, whatever the role's settings put before it.
#[tokio::test(flavor = "multi_thread")]
async fn functions_that_a_role_finds_first_are_not_called() {
    let servers = Servers::start(Measures::Nothing).await;
    let evil = "CREATE SCHEMA evil; CREATE FUNCTION evil.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'; \
        ALTER ROLE postgres SET search_path = evil, pg_catalog";
    servers.run_sql(0, evil).await;
    let assessment = servers.settled().await;
    assert_eq!(assessment.groups[0].primary().map(|primary| primary.name.as_str()), Some("pg-0"));
}
