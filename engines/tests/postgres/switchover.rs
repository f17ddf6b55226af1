//! What matters in a switchover of PostgreSQL beside the laws of every database.

use crate::common::database::Database;
use crate::common::load::Load;
use crate::common::turns::Measures;
use crate::postgres::servers::{NOT_FELT, SERVERS, Servers, name};

/// A standby that has lost its primary waits before it tries again: 5 s where nothing else is set, and writes would wait along.
#[tokio::test(flavor = "multi_thread")]
async fn the_time_after_which_a_standby_tries_again_is_not_felt() {
    let servers = Servers::start(Measures::Time).await;
    for number in 0..SERVERS {
        servers.run_sql(number, "ALTER SYSTEM SET wal_retrieve_retry_interval = '5s'").await;
        servers.run_sql(number, "SELECT pg_reload_conf()").await;
    }
    for (from, to) in [(0, 1), (1, 2), (2, 0)] {
        let load = Load::begin(servers.client()).await;
        servers.switch_over(&name(from), &name(to)).await.expect("a switchover");
        let report = load.finish(&servers).await;
        assert_eq!(report.lost, 0, "{} -> {}: {report:?}", name(from), name(to));
        assert!(report.longest_gap < NOT_FELT, "{} -> {}: {report:?}", name(from), name(to));
    }
}
