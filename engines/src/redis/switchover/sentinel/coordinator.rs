//! The Sentinel that does the failover: it is found, prepared (which replica to choose, when to give up), asked, and its settings
//! are restored afterwards.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};
use tokio::time::sleep;

use super::super::{SwitchoverContext, refused};
use crate::redis::connections::words;
use crate::{Endpoint, SwitchoverError};

/// What error messages call it.
const SENTINELS: &str = "the Sentinels";

/// The Sentinel gives a failover up after this many milliseconds instead of its usual three minutes, since writes are paused all
/// the while. A failover that succeeds takes one to two seconds.
pub(super) const FAILOVER_TIMEOUT: u64 = 10_000;

/// Sentinels ask each server about itself every ten seconds (`SENTINEL_INFO_PERIOD`), and after a restart it takes one
/// more round until they find it suitable.
const READY_WITHIN: Duration = Duration::from_secs(45);

/// The best priority there is; with 0 a replica is never chosen.
const BEST_PRIORITY: u64 = 1;

/// A Sentinel, the name under which it monitors our primary, and the values of before of what was changed for the switchover.
pub(super) struct Coordinator {
    connection: MultiplexedConnection,
    name: String,
    failover_timeout: Option<String>,
    priority: Option<u64>,
}

type SentinelFields = BTreeMap<String, String>;

impl Coordinator {
    /// The first Sentinel that answers, monitors the present primary and sees no failure of it.
    pub(super) async fn find(context: &SwitchoverContext<'_>, sentinels: &[Endpoint]) -> Result<Self, SwitchoverError> {
        let mut why = "none can be reached".to_owned();
        for endpoint in sentinels {
            let mut connection = match context.connections.to(endpoint).await {
                Ok(connection) => connection,
                Err(error) => {
                    why = error.to_string();
                    continue;
                }
            };
            match cmd("SENTINEL").arg("MASTERS").query_async::<Vec<SentinelFields>>(&mut connection).await {
                Ok(masters) => match masters.into_iter().find(|master| describes(context, context.from, master)) {
                    Some(master) if master.get("flags").map(String::as_str) == Some("master") => {
                        let name = master.get("name").cloned().unwrap_or_default();
                        return Ok(Self {
                            connection,
                            name,
                            failover_timeout: master.get("failover-timeout").cloned(),
                            priority: None,
                        });
                    }
                    Some(master) => {
                        why = format!("they say of it: {}", master.get("flags").cloned().unwrap_or_default());
                    }
                    None => why = format!("they do not watch {}", context.from),
                },
                Err(error) => why = words(&error),
            }
        }
        Err(SwitchoverError::Refused { member: SENTINELS.to_owned(), why })
    }

    /// Does everything slow before any write is paused: checks that a majority of Sentinels is there, gives the successor the best
    /// priority, and waits until the Sentinel has seen that and finds the successor healthy.
    pub(super) async fn prepare(&mut self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        let name = self.name.clone();
        context.order(&mut self.connection, SENTINELS, cmd("SENTINEL").arg("CKQUORUM").arg(&name)).await?;
        context
            .order(&mut self.connection, SENTINELS, &set_failover_timeout(&name, &FAILOVER_TIMEOUT.to_string()))
            .await?;
        let mut successor = context.connection(context.to).await?;
        self.priority = Some(priority_of(&mut successor, context.to).await?);
        context.order(&mut successor, context.to, &set_priority(BEST_PRIORITY)).await?;
        let started = Instant::now();
        let mut seen = "is not among the replicas they list".to_owned();
        while started.elapsed() < READY_WITHIN {
            let replicas: Vec<SentinelFields> = cmd("SENTINEL")
                .arg("REPLICAS")
                .arg(&name)
                .query_async(&mut self.connection)
                .await
                .map_err(|error| refused(SENTINELS, &error))?;
            if let Some(replica) = replicas.iter().find(|replica| describes(context, context.to, replica)) {
                match unsuitable(replica) {
                    None => return Ok(()),
                    Some(why) => seen = why,
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        let why = format!("after {READY_WITHIN:?} {} still {seen}", context.to);
        Err(SwitchoverError::Refused { member: SENTINELS.to_owned(), why })
    }

    /// Asks for the failover.
    pub(super) async fn fail_over(&mut self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        context.order(&mut self.connection, SENTINELS, cmd("SENTINEL").arg("FAILOVER").arg(&self.name)).await
    }

    /// Sets the failover timeout and the successor's priority back to what they were.
    pub(super) async fn restore(mut self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        if let Some(before) = &self.failover_timeout {
            context.order(&mut self.connection, SENTINELS, &set_failover_timeout(&self.name, before)).await?;
        }
        match self.priority {
            None => Ok(()),
            Some(before) => {
                // The change of role has closed the old connection; asking for the role replaces it.
                let _ = context.role(context.to).await;
                let mut successor = context.connection(context.to).await?;
                context.order(&mut successor, context.to, &set_priority(before)).await?;
                // When the Sentinels made it record its new role, it recorded this temporary priority as well.
                let _ = context.order(&mut successor, context.to, cmd("CONFIG").arg("REWRITE")).await; // it may have no file
                Ok(())
            }
        }
    }
}

/// Why a Sentinel would not choose a replica (`sentinelSelectSlave`): it is not healthy, has not answered lately, or has not the
/// best priority.
fn unsuitable(replica: &SentinelFields) -> Option<String> {
    let field = |name: &str| replica.get(name).map_or("", String::as_str);
    let age = |name: &str| field(name).parse::<u64>().unwrap_or(u64::MAX);
    if field("flags") != "slave" {
        return Some(format!("is \"{}\" to them", field("flags")));
    }
    if field("master-link-status") != "ok" || age("last-ok-ping-reply") > 3_000 {
        return Some("is not well connected in their eyes".to_owned());
    }
    (field("slave-priority") != BEST_PRIORITY.to_string()).then(|| "has not its new priority in their eyes".to_owned())
}

/// Whether a Sentinel's description of a server is about that member.
fn describes(context: &SwitchoverContext<'_>, member: &str, described: &SentinelFields) -> bool {
    let endpoint = context.endpoints.iter().find(|endpoint| endpoint.member == member);
    endpoint.zip(described.get("ip")).is_some_and(|(endpoint, host)| endpoint.is_at(host))
}

async fn priority_of(connection: &mut MultiplexedConnection, member: &str) -> Result<u64, SwitchoverError> {
    let config: BTreeMap<String, u64> = cmd("CONFIG")
        .arg("GET")
        .arg("replica-priority")
        .query_async(connection)
        .await
        .map_err(|error| refused(member, &error))?;
    let unset = || SwitchoverError::Refused { member: member.to_owned(), why: "it has no replica-priority".to_owned() };
    config.into_values().next().ok_or_else(unset)
}

fn set_priority(value: u64) -> Cmd {
    cmd("CONFIG").arg("SET").arg("replica-priority").arg(value).take()
}

fn set_failover_timeout(name: &str, milliseconds: &str) -> Cmd {
    cmd("SENTINEL").arg("SET").arg(name).arg("failover-timeout").arg(milliseconds).take()
}
