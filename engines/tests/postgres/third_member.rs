//! A third member that may be the primary: while there is no primary another tool, or a person, may promote it.

use std::time::{Duration, Instant};

use stateful_engines::SwitchoverError;
use tokio::time::sleep;

use super::servers::{Servers, connect, name, own};
use crate::common::PATIENCE;
use crate::common::database::Database;
use crate::common::processes::{freeze, signal, thaw};
use crate::common::turns::Measures;

/// As a switchover leaves it that died when the old primary was fenced and stopped: it is back as a standby, and no member is the
/// primary.
async fn without_primary() -> Servers {
    let servers = Servers::start(Measures::Nothing).await;
    let fence = servers.data(0).join("standby.signal");
    std::fs::write(&fence, "").expect("a fence");
    own(&fence);
    signal("INT", servers.process(0));
    let begun = Instant::now();
    while !is_standby(&servers.address(0)).await {
        assert!(begun.elapsed() < PATIENCE, "pg-0 is not back");
        sleep(Duration::from_millis(50)).await;
    }
    servers
}

async fn is_standby(address: &str) -> bool {
    let Ok(client) = connect(address, "postgres").await else { return false };
    client.query_one("SELECT pg_is_in_recovery()", &[]).await.is_ok_and(|row| row.get(0))
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

/// As a process leaves it that ordered the old primary to become the primary again and died: the order may still be on its way, and
/// meanwhile the successor has received all that the old primary has.
#[tokio::test(flavor = "multi_thread")]
async fn no_member_is_promoted_beside_an_old_primary_that_was_ordered_to_become_the_primary_again() {
    let servers = without_primary().await;
    servers.run_sql(0, "ALTER SYSTEM SET primary_conninfo = ''").await;
    let finished = servers.switch_over(&name(0), &name(1)).await;
    assert!(matches!(finished, Err(SwitchoverError::NotMoved { .. })), "{finished:?}");
    assert_eq!(servers.leader().await, 0);
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
