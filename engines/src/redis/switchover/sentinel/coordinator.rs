//! The Sentinel that does the failover: it is found, prepared (which replica to choose, when to give up), asked, and its settings
//! are restored afterwards.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::cmd;
use tokio::time::sleep;

use super::super::{SwitchoverContext, refusal, refused};
use super::named_by_all::is_primary_by_all;
use super::settings::{
    self, BEST_PRIORITY, DEFAULT_PRIORITY, FAILOVER_TIMEOUT, SentinelFields, describes, masters, priority_of,
    set_failover_timeout, set_priority,
};
use crate::{Endpoint, SwitchoverError};

/// What error messages call it.
const SENTINELS: &str = "the Sentinels";

/// After a promotion the Sentinels take some ten seconds until every replica follows the new primary (`+failover-end`).
const DONE_WITHIN: Duration = Duration::from_secs(20);

/// Sentinels ask each server about itself every ten seconds (`SENTINEL_INFO_PERIOD`), and after a restart it takes one
/// more round until they find it suitable.
const READY_WITHIN: Duration = Duration::from_secs(45);

/// A Sentinel, the name under which it monitors our primary, and the values of before of what is changed for the switchover.
pub(super) struct Coordinator {
    connection: MultiplexedConnection,
    name: String,
    failover_timeout: String,
    priority: Option<u64>,
    /// The other replicas that the Sentinels might choose, by the address under which they know them.
    pub(super) rivals: Vec<String>,
}

impl Coordinator {
    /// The first Sentinel that answers, monitors the present primary and has no failover under way. After a failover the Sentinels
    /// go on naming the old primary until every replica follows the new one, so they are asked again for a while.
    pub(super) async fn find(context: &SwitchoverContext<'_>, sentinels: &[Endpoint]) -> Result<Self, SwitchoverError> {
        let started = Instant::now();
        loop {
            match Self::find_now(context, sentinels).await {
                Ok(found) => return Ok(found),
                Err(why) if started.elapsed() > DONE_WITHIN => {
                    return Err(SwitchoverError::Refused { member: SENTINELS.to_owned(), why });
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn find_now(context: &SwitchoverContext<'_>, sentinels: &[Endpoint]) -> Result<Self, String> {
        let mut why = "none can be reached".to_owned();
        for endpoint in sentinels {
            let (connection, masters) = match masters(context.connections, endpoint).await {
                Ok(told) => told,
                Err(error) => {
                    why = error;
                    continue;
                }
            };
            match masters.into_iter().find(|master| describes(context, context.from, master)) {
                Some(master) if master.get("flags").map(String::as_str) == Some("master") => {
                    let name = master.get("name").cloned().unwrap_or_default();
                    let failover_timeout =
                        settings::failover_timeout(context.connections, sentinels, &name, &master).await;
                    return Ok(Self { connection, name, failover_timeout, priority: None, rivals: Vec::new() });
                }
                Some(master) => {
                    why = format!("they say of it: {}", master.get("flags").cloned().unwrap_or_default());
                }
                None => why = format!("they do not monitor {}", context.from),
            }
        }
        Err(why)
    }

    /// Does everything slow before any write is paused: checks that a majority of Sentinels is there, gives the successor the best
    /// priority, and waits until the Sentinel has seen that and finds the successor healthy.
    pub(super) async fn prepare(&mut self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        let name = self.name.clone();
        context.order(&mut self.connection, SENTINELS, cmd("SENTINEL").arg("CKQUORUM").arg(&name)).await?;
        context
            .order(&mut self.connection, SENTINELS, &set_failover_timeout(&name, &FAILOVER_TIMEOUT.to_string()))
            .await?;
        let first = self.put_first(context).await?;
        let started = Instant::now();
        let mut seen = "is not among the replicas they list".to_owned();
        while started.elapsed() < READY_WITHIN {
            let replicas = self.replicas().await?;
            if let Some(replica) = replicas.iter().find(|replica| describes(context, context.to, replica)) {
                match unsuitable(replica, first) {
                    None => {
                        let may_be_chosen = |other: &&SentinelFields| {
                            !describes(context, context.to, other) && unhealthy(other).is_none()
                        };
                        let address = |other: &SentinelFields| other.get("ip").cloned();
                        self.rivals = replicas.iter().filter(may_be_chosen).filter_map(address).collect();
                        return Ok(());
                    }
                    Some(why) => seen = why,
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        let why = format!("after {READY_WITHIN:?} {} still {seen}", context.to);
        Err(SwitchoverError::Refused { member: SENTINELS.to_owned(), why })
    }

    /// Gives the successor a better priority than every other replica has, and returns that priority.
    async fn put_first(&mut self, context: &SwitchoverContext<'_>) -> Result<u64, SwitchoverError> {
        let mut successor = context.connection(context.to).await?;
        let own = priority_of(&mut successor, context.to).await?;
        let others = settings::priorities(context.connections, context.endpoints, context.to).await;
        let best_other = others.iter().copied().filter(|other| *other > 0).min().unwrap_or(DEFAULT_PRIORITY);
        let first = BEST_PRIORITY.min(best_other.saturating_sub(1));
        if first == 0 {
            let why = "a replica beside it has replica-priority 1, before which none goes".to_owned();
            return Err(refusal(context.to, why));
        }
        self.priority =
            Some(if own == BEST_PRIORITY { settings::common_priority(&others).unwrap_or(own) } else { own });
        context.order(&mut successor, context.to, &set_priority(first)).await?;
        Ok(first)
    }

    async fn replicas(&mut self) -> Result<Vec<SentinelFields>, SwitchoverError> {
        let ask = cmd("SENTINEL").arg("REPLICAS").arg(&self.name).take();
        ask.query_async(&mut self.connection).await.map_err(|error| refused(SENTINELS, &error))
    }

    /// Asks for the failover.
    pub(super) async fn fail_over(&mut self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        context.order_failover(&mut self.connection, SENTINELS, cmd("SENTINEL").arg("FAILOVER").arg(&self.name)).await
    }

    /// Sets the failover timeout and the successor's priority back to what they were; each also if the other could not be.
    pub(super) async fn restore(
        mut self,
        context: &SwitchoverContext<'_>,
        sentinels: &[Endpoint],
    ) -> Result<(), SwitchoverError> {
        // A failover that is still under way must not get more time than this process waits for it.
        let is_over = context.leads(context.to).await || is_primary_by_all(context, sentinels, context.from).await;
        let timeout = set_failover_timeout(&self.name, &self.failover_timeout);
        let set_back = if is_over { context.order(&mut self.connection, SENTINELS, &timeout).await } else { Ok(()) };
        match self.priority {
            None => {}
            Some(before) => restore_priority(context, before).await?,
        }
        set_back
    }
}

async fn restore_priority(context: &SwitchoverContext<'_>, before: u64) -> Result<(), SwitchoverError> {
    // The change of role has closed the old connection; asking for the role replaces it.
    let _ = context.role(context.to).await;
    let mut successor = context.connection(context.to).await?;
    context.order(&mut successor, context.to, &set_priority(before)).await?;
    // When the Sentinels made it record its new role, it recorded this temporary priority as well.
    let _ = context.order(&mut successor, context.to, cmd("CONFIG").arg("REWRITE")).await; // it may have no file
    Ok(())
}

/// Why a Sentinel would not choose a replica (`sentinelSelectSlave`), whatever its priority: it is not healthy, or has not answered lately.
fn unhealthy(replica: &SentinelFields) -> Option<String> {
    let field = |name: &str| replica.get(name).map_or("", String::as_str);
    let age = |name: &str| field(name).parse::<u64>().unwrap_or(u64::MAX);
    if field("flags") != "slave" {
        return Some(format!("is \"{}\" to them", field("flags")));
    }
    (field("master-link-status") != "ok" || age("last-ok-ping-reply") > 3_000)
        .then(|| "is not well connected in their eyes".to_owned())
}

/// Why a Sentinel would not choose a replica before all others.
fn unsuitable(replica: &SentinelFields, first: u64) -> Option<String> {
    let has_priority = replica.get("slave-priority") == Some(&first.to_string());
    unhealthy(replica).or_else(|| (!has_priority).then(|| "has not its new priority in their eyes".to_owned()))
}
