//! TOUCH. Resumes the clients of a pooler after a switchover, and makes sure that the pooler connects to the new primary.
//!
//! A pooler reaches the primary by a Service, and each node's kube-proxy applies a change of a Service at its own time. Until then
//! the pooler's connections go to the old primary's pod. While no server runs there they fail and the pooler retries, which clients
//! do not notice. But the old primary comes back as a standby, half a second later at the earliest; over a connection to that
//! standby every write would fail for as long as the pooler keeps it (`server_lifetime`, an hour). So the pooler's list of its
//! connections is compared with the new primary's list, and a pooler that has no connection before the old primary can be back is
//! paused once more, until kube-proxy has applied the change.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::poolers::{ASK_AGAIN, SERVED_WITHIN, end_pause, pause_one, restore_retries, shorten_retries};
use crate::postgres::answers::{TextRow, text};
use crate::postgres::connections::{Connections, PATIENCE};
use crate::postgres::pooler::{Connection, connections, is_served, query_console};
use crate::{Endpoint, PoolerError, PoolerTarget, ServerError};

/// How long kube-proxy may take to apply the change of a Service: by default it does so at most once a second (`minSyncPeriod`).
const SERVICE_FOLLOWED_WITHIN: Duration = Duration::from_secs(1);

/// How long a pooler may retry before it is paused once more. Where the change is applied it connects at once. A kubelet has
/// started the old primary again 0.6 s after it stopped, and the promotion took 0.2 s of that.
const TRIES_FOR: Duration = Duration::from_millis(250);

/// The two members of a switchover, and the connections to them and to the poolers' consoles.
#[derive(Clone, Copy)]
pub(in crate::postgres) struct PoolerRepoint<'a> {
    pub(in crate::postgres) consoles: &'a Connections,
    pub(in crate::postgres) connections: &'a Connections,
    pub(in crate::postgres) from: &'a Endpoint,
    pub(in crate::postgres) to: &'a Endpoint,
}

/// The server that a pooler's connections go to.
enum ConnectedTo {
    /// The pooler has no connection, and no client needs one.
    NothingNeeded,
    /// The pooler has no connection, and a client waits for one.
    NothingYet,
    /// All connections go to the new primary.
    NewPrimary,
    /// Some connections go to another server.
    AnotherServer,
}

impl PoolerRepoint<'_> {
    /// Resumes the clients of one pooler. An error says what is not as it should be.
    pub(in crate::postgres) async fn repoint(self, pooler: &PoolerTarget) -> Result<(), PoolerError> {
        shorten_retries(self.consoles, pooler).await?;
        end_pause(self.consoles, pooler).await?;
        let connected = self.watch(pooler).await;
        // However that ended, no client may stay paused.
        end_pause(self.consoles, pooler).await?;
        restore_retries(self.consoles, pooler).await?;
        connected
    }

    async fn watch(self, pooler: &PoolerTarget) -> Result<(), PoolerError> {
        let begun = Instant::now();
        let (mut tries_since, mut followed) = (begun, begun + SERVICE_FOLLOWED_WITHIN);
        while begun.elapsed() < SERVED_WITHIN {
            let waits = match self.connected_to(pooler).await? {
                ConnectedTo::NewPrimary | ConnectedTo::NothingNeeded => return Ok(()),
                ConnectedTo::AnotherServer => true,
                ConnectedTo::NothingYet => tries_since.elapsed() > TRIES_FOR || self.is_back().await,
            };
            if waits {
                // The pause closes the pooler's idle connections; those it opens afterwards follow the Service as it is then.
                pause_one(self.consoles, pooler).await?;
                sleep_until(followed).await;
                end_pause(self.consoles, pooler).await?;
                tries_since = Instant::now();
                followed = tries_since + SERVICE_FOLLOWED_WITHIN;
            }
            sleep(ASK_AGAIN).await;
        }
        let pools = pooler.pools.join(", ");
        Err(PoolerError::NotRepointed { waited: SERVED_WITHIN, pools, to: self.to.member.clone() })
    }

    async fn connected_to(self, pooler: &PoolerTarget) -> Result<ConnectedTo, PoolerError> {
        // Each question also makes the pooler check whether to retry; by itself it does so three times a second.
        let pools = query_console(self.consoles, &pooler.endpoint, "SHOW POOLS").await?;
        let servers = query_console(self.consoles, &pooler.endpoint, "SHOW SERVERS").await?;
        let open = connections(&servers, &pooler.pools);
        Ok(match (open.is_empty(), is_served(&pools, &pooler.pools)) {
            (true, true) => ConnectedTo::NothingNeeded,
            (true, false) => ConnectedTo::NothingYet,
            (false, _) if open.is_subset(&self.served().await?) => ConnectedTo::NewPrimary,
            (false, _) => ConnectedTo::AnotherServer,
        })
    }

    /// The connections that the new primary serves.
    async fn served(self) -> Result<BTreeSet<Connection>, ServerError> {
        let question = "SELECT pid, client_port FROM pg_stat_activity WHERE client_port IS NOT NULL";
        let rows = self.connections.ask(self.to, question, PATIENCE).await?;
        let connection = |row: &TextRow| {
            Some(Connection { process: text(row, "pid")?.to_owned(), port: text(row, "client_port")?.to_owned() })
        };
        Ok(rows.iter().flatten().filter_map(connection).collect())
    }

    /// Whether a server runs where the old primary did, even one that is still starting.
    async fn is_back(self) -> bool {
        let client = self.connections.to(self.from).await;
        client.map_or_else(|why| why.to_string().contains("starting up"), |_| true)
    }
}
