//! The Sentinel that is asked for the failover: found, told whom to choose and when to give up, and restored after.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{Cmd, cmd};
use tokio::time::sleep;

use super::super::{SwitchoverContext, refused};
use crate::redis::connections::words;
use crate::{Endpoint, SwitchoverError};

/// What errors call it.
const WHO: &str = "the Sentinels";

/// The Sentinel asked calls a failover off after this many milliseconds instead of its usual three minutes, for writes
/// are held all the while. One that goes well takes one to two seconds.
pub(super) const GIVES_UP_AFTER: u64 = 10_000;

/// Sentinels ask each server about itself every ten seconds (`SENTINEL_INFO_PERIOD`), and after a restart it takes one
/// more round until they find it suitable.
const READY_WITHIN: Duration = Duration::from_secs(45);

/// The best priority there is; 0 would mean never.
const FIRST: u64 = 1;

/// A Sentinel, the name under which it watches our primary, and what was changed for the switchover.
pub(super) struct Asked {
    link: MultiplexedConnection,
    name: String,
    patience: Option<String>,
    priority: Option<u64>,
}

type Described = BTreeMap<String, String>;

impl Asked {
    /// The first Sentinel that answers and watches the present primary, in peace.
    pub(super) async fn find(context: &SwitchoverContext<'_>, sentinels: &[Endpoint]) -> Result<Self, SwitchoverError> {
        let mut why = "none can be reached".to_owned();
        for endpoint in sentinels {
            let mut link = match context.connections.to(endpoint).await {
                Ok(link) => link,
                Err(error) => {
                    why = error.to_string();
                    continue;
                }
            };
            match cmd("SENTINEL").arg("MASTERS").query_async::<Vec<Described>>(&mut link).await {
                Ok(masters) => match masters.into_iter().find(|master| is(context, context.from, master)) {
                    Some(master) if master.get("flags").map(String::as_str) == Some("master") => {
                        let name = master.get("name").cloned().unwrap_or_default();
                        return Ok(Self {
                            link,
                            name,
                            patience: master.get("failover-timeout").cloned(),
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
        Err(SwitchoverError::Refused { member: WHO.to_owned(), why })
    }

    /// Everything slow, before any write is held: a majority is there, the successor is first in line, and the Sentinel
    /// has seen that and finds it well.
    pub(super) async fn prepare(&mut self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        let name = self.name.clone();
        context.order(&mut self.link, WHO, cmd("SENTINEL").arg("CKQUORUM").arg(&name)).await?;
        context.order(&mut self.link, WHO, &patience(&name, &GIVES_UP_AFTER.to_string())).await?;
        let mut successor = context.link(context.to).await?;
        self.priority = Some(priority_of(&mut successor, context.to).await?);
        context.order(&mut successor, context.to, &priority(FIRST)).await?;
        let started = Instant::now();
        let mut seen = "is not among the replicas they list".to_owned();
        while started.elapsed() < READY_WITHIN {
            let replicas: Vec<Described> = cmd("SENTINEL")
                .arg("REPLICAS")
                .arg(&name)
                .query_async(&mut self.link)
                .await
                .map_err(|error| refused(WHO, &error))?;
            if let Some(replica) = replicas.iter().find(|replica| is(context, context.to, replica)) {
                match unsuitable(replica) {
                    None => return Ok(()),
                    Some(why) => seen = why,
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        let why = format!("after {READY_WITHIN:?} {} still {seen}", context.to);
        Err(SwitchoverError::Refused { member: WHO.to_owned(), why })
    }

    /// Asks for the failover.
    pub(super) async fn fail_over(&mut self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        context.order(&mut self.link, WHO, cmd("SENTINEL").arg("FAILOVER").arg(&self.name)).await
    }

    /// Puts back what was changed.
    pub(super) async fn restore(mut self, context: &SwitchoverContext<'_>) -> Result<(), SwitchoverError> {
        if let Some(before) = &self.patience {
            context.order(&mut self.link, WHO, &patience(&self.name, before)).await?;
        }
        match self.priority {
            None => Ok(()),
            Some(before) => {
                // A change of role closed the connection there was.
                let _ = context.role(context.to).await;
                let mut successor = context.link(context.to).await?;
                context.order(&mut successor, context.to, &priority(before)).await?;
                // The Sentinels had the new role recorded, and with it the priority of the moment.
                let _ = context.order(&mut successor, context.to, cmd("CONFIG").arg("REWRITE")).await; // it may have no file
                Ok(())
            }
        }
    }
}

/// Why a Sentinel would not choose a replica (`sentinelSelectSlave`): not seen well, not heard of lately, or not first.
fn unsuitable(replica: &Described) -> Option<String> {
    let field = |name: &str| replica.get(name).map_or("", String::as_str);
    let age = |name: &str| field(name).parse::<u64>().unwrap_or(u64::MAX);
    if field("flags") != "slave" {
        return Some(format!("is \"{}\" to them", field("flags")));
    }
    if field("master-link-status") != "ok" || age("last-ok-ping-reply") > 3_000 {
        return Some("is not well connected in their eyes".to_owned());
    }
    (field("slave-priority") != FIRST.to_string()).then(|| "has not its new priority in their eyes".to_owned())
}

fn is(context: &SwitchoverContext<'_>, member: &str, described: &Described) -> bool {
    let endpoint = context.endpoints.iter().find(|endpoint| endpoint.member == member);
    endpoint.zip(described.get("ip")).is_some_and(|(endpoint, host)| endpoint.is_at(host))
}

async fn priority_of(link: &mut MultiplexedConnection, member: &str) -> Result<u64, SwitchoverError> {
    let config: BTreeMap<String, u64> = cmd("CONFIG")
        .arg("GET")
        .arg("replica-priority")
        .query_async(link)
        .await
        .map_err(|error| refused(member, &error))?;
    let unset = || SwitchoverError::Refused { member: member.to_owned(), why: "it has no replica-priority".to_owned() };
    config.into_values().next().ok_or_else(unset)
}

fn priority(value: u64) -> Cmd {
    cmd("CONFIG").arg("SET").arg("replica-priority").arg(value).take()
}

fn patience(name: &str, milliseconds: &str) -> Cmd {
    cmd("SENTINEL").arg("SET").arg(name).arg("failover-timeout").arg(milliseconds).take()
}
