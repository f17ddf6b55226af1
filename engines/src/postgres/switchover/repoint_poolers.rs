//! TOUCH. Lets the clients of a pooler go on after a switchover, and makes sure that they are led to the new primary.
//!
//! A pooler finds the primary by a Service, and each node's proxy follows a Service in its own time. Until it has, the
//! pooler's connections go to the old primary's pod. While no server runs there they fail and the pooler tries again: nobody
//! notices. But it comes back, as a standby, half a second later at the earliest; a pooler connected to that one would refuse
//! every write for as long as it keeps the connection (`server_lifetime`, an hour). So who serves its connections is compared at
//! both ends, and the clients of a pooler that is not served before the old primary can be back wait once more, until the way
//! has opened.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use super::poolers::{ASK_AGAIN, SERVED_WITHIN, calm, hurry, pause_one, release};
use crate::postgres::answers::{TextRow, text};
use crate::postgres::connections::{Connections, PATIENCE};
use crate::postgres::pooler::{Connection, connections, is_served, say};
use crate::{Endpoint, PoolerError, PoolerTarget, ServerError};

/// How long the way may take to open. kube-proxy follows changes of Services at most once a second unless told otherwise
/// (`minSyncPeriod`).
const WAY_OPENS: Duration = Duration::from_secs(1);

/// How long a pooler may try before its clients wait once more. A pooler whose way is open is served at once. A kubelet has
/// started the old primary again 0.6 s after it stopped, and promoting took 0.2 s of that.
const TRIES_FOR: Duration = Duration::from_millis(250);

/// Everybody a switchover was between, and who asks.
#[derive(Clone, Copy)]
pub(in crate::postgres) struct Between<'a> {
    pub(in crate::postgres) consoles: &'a Connections,
    pub(in crate::postgres) connections: &'a Connections,
    pub(in crate::postgres) from: &'a Endpoint,
    pub(in crate::postgres) to: &'a Endpoint,
}

/// Where a pooler's connections lead.
enum Led {
    /// It has none, and nobody needs one.
    Nowhere,
    /// Somebody waits for one.
    NotYet,
    /// To the new primary, all of them.
    Right,
    /// Some lead elsewhere.
    Wrong,
}

impl Between<'_> {
    /// Lets the clients of one go on. An error says what is not as it should be.
    pub(in crate::postgres) async fn repoint(self, pooler: &PoolerTarget) -> Result<(), PoolerError> {
        hurry(self.consoles, pooler).await?;
        release(self.consoles, pooler).await?;
        let led = self.watch(pooler).await;
        // However that went, nobody is left waiting.
        release(self.consoles, pooler).await?;
        calm(self.consoles, pooler).await?;
        led
    }

    async fn watch(self, pooler: &PoolerTarget) -> Result<(), PoolerError> {
        let begun = Instant::now();
        let (mut tries_since, mut opens) = (begun, begun + WAY_OPENS);
        while begun.elapsed() < SERVED_WITHIN {
            let waits = match self.led(pooler).await? {
                Led::Right | Led::Nowhere => return Ok(()),
                Led::Wrong => true,
                Led::NotYet => tries_since.elapsed() > TRIES_FOR || self.is_back().await,
            };
            if waits {
                // Its idle connections are closed with that: what it opens then takes the way as it is by then.
                pause_one(self.consoles, pooler).await?;
                sleep_until(opens).await;
                release(self.consoles, pooler).await?;
                tries_since = Instant::now();
                opens = tries_since + WAY_OPENS;
            }
            sleep(ASK_AGAIN).await;
        }
        let pools = pooler.pools.join(", ");
        Err(PoolerError::NotRepointed { waited: SERVED_WITHIN, pools, to: self.to.member.clone() })
    }

    async fn led(self, pooler: &PoolerTarget) -> Result<Led, PoolerError> {
        // Being asked also makes it look whether it should try again: by itself it does so three times a second.
        let pools = say(self.consoles, &pooler.endpoint, "SHOW POOLS").await?;
        let servers = say(self.consoles, &pooler.endpoint, "SHOW SERVERS").await?;
        let open = connections(&servers, &pooler.pools);
        Ok(match (open.is_empty(), is_served(&pools, &pooler.pools)) {
            (true, true) => Led::Nowhere,
            (true, false) => Led::NotYet,
            (false, _) if open.is_subset(&self.served().await?) => Led::Right,
            (false, _) => Led::Wrong,
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
        let link = self.connections.to(self.from).await;
        link.map_or_else(|why| why.to_string().contains("starting up"), |_| true)
    }
}
