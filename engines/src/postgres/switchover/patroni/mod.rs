//! TOUCH. A switchover where Patroni decides which member is the primary: Patroni is asked for it, and never bypassed.
//!
//! Patroni releases the leader key once the old primary has stopped, whether or not the successor has everything
//! (`maximum_lag_on_failover` bounds what is lost then). So before Patroni is asked, its own synchronous mode is set so that
//! commits wait for every standby, and the settings of before are restored afterwards. Patroni cannot choose a standby that is
//! behind then, and chooses none if all are. If this process dies in between, synchronous mode stays on: commits are slower, and
//! nothing is lost. What it was before is kept in Patroni's own configuration, and `take_back` restores it.

mod commits;
mod rest;

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::SwitchoverContext;
use super::decide::{Decision, Others, ServerState, decide};
use super::prepare::catch_up::catch_up;
use crate::{CompletedSwitchover, Endpoint, ServerError, SwitchoverError};
use commits::{Settings, is_sync_standby};
use rest::{Answer, ask, read};

/// A short answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long Patroni may take to make commits wait for the successor: it checks every `loop_wait`, 10 s by default.
const SYNC_WITHIN: Duration = Duration::from_mins(1);

/// How long a switchover may take: Patroni itself gives up after twice its `loop_wait`, and answers then.
const SWITCHED_WITHIN: Duration = Duration::from_mins(1);

/// How long it may take after that until there is a primary. The leader key of a primary that died expires after its `ttl`, 30 s by
/// default.
const PRIMARY_WITHIN: Duration = Duration::from_mins(1);

/// If the old primary is still the primary this long after a switchover that failed, it stays the primary.
const STAYS_AFTER: Duration = Duration::from_secs(5);

/// Between two questions.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// Lets Patroni make `to` the primary. `agents` are the endpoints of the Patroni agents beside the servers.
pub(in crate::postgres) async fn switch_over(
    context: &SwitchoverContext<'_>,
    agents: &[Endpoint],
) -> Result<CompletedSwitchover, SwitchoverError> {
    let (old, new) = context.states().await;
    // Patroni itself knows of the other members.
    match decide(old, new, Others::Standbys, None) {
        // Boxed: two questions at once to two servers, each with a connection of its own.
        Decision::Begin => Box::pin(begin(context, agents)).await,
        Decision::Done => Ok(CompletedSwitchover { took: Duration::ZERO }),
        // Patroni finishes the switchover that it began, or chooses another primary if it has to.
        Decision::PromoteSuccessor | Decision::PromoteOldPrimary | Decision::Wait => {
            wait_for_primary(context, Instant::now()).await
        }
        Decision::TwoPrimaries => Err(context.refused(format!("{} is a primary as well", context.to))),
    }
}

async fn begin(context: &SwitchoverContext<'_>, agents: &[Endpoint]) -> Result<CompletedSwitchover, SwitchoverError> {
    let agent = agents.iter().find(|agent| agent.member == context.from);
    let agent = agent.ok_or_else(|| context.refused("the Patroni agent beside it cannot be reached".to_owned()))?;
    let config = read(agent, "/config", PATIENCE).await.map_err(|why| context.refused(why.to_string()))?;
    // A standby that does not keep up would make clients wait once commits wait for it.
    catch_up(context).await?;
    let before = Settings::read(&config);
    let change = before.wait_for_all(context.endpoints.len().saturating_sub(1));
    if let Some(change) = &change {
        set(agent, change).await.map_err(|why| context.refused(why.to_string()))?;
    }
    let moved = match ready(context, agent).await {
        Ok(()) => request_switchover(context, agent).await,
        Err(refused) => Err(refused),
    };
    match &moved {
        Err(SwitchoverError::LockNotConfirmed(_)) => {}
        Ok(_) | Err(_) if change.is_some() => restore(agents, &before).await,
        Ok(_) | Err(_) => {}
    }
    moved
}

/// Restores the settings of before, where a process that died in a switchover has left commits waiting for every standby. Returns
/// what was done, or could not be.
pub(in crate::postgres) async fn take_back(agents: &[Endpoint]) -> Option<String> {
    let mut config = None;
    for agent in agents {
        match read(agent, "/config", PATIENCE).await {
            Ok(found) => {
                config = Some(Ok((agent, found)));
                break;
            }
            Err(why) => config = Some(Err(why)),
        }
    }
    let restored = match config? {
        Ok((agent, config)) => set(agent, &Settings::left_changed(&config)?.restoring_change()).await,
        Err(why) => Err(why),
    };
    Some(match restored {
        Ok(()) => "a switchover that died had let commits wait for every standby: Patroni's synchronous_mode and \
                   synchronous_node_count are as before"
            .to_owned(),
        Err(why) => format!(
            "commits may still wait for every standby, as during a switchover: {why}; see patronictl show-config, where \
             kubectl_stateful_before has the settings of before"
        ),
    })
}

/// Waits until commits wait for the successor and it has all earlier ones, and pauses clients.
async fn ready(context: &SwitchoverContext<'_>, agent: &Endpoint) -> Result<(), SwitchoverError> {
    wait_until_sync(context, agent).await?;
    catch_up(context).await?;
    context.clients.pause().await?;
    context.clients.confirm_lock().await
}

/// Waits until each commit waits for the successor.
async fn wait_until_sync(context: &SwitchoverContext<'_>, agent: &Endpoint) -> Result<(), SwitchoverError> {
    let begun = Instant::now();
    loop {
        let answer = read(agent, "/cluster", PATIENCE).await;
        if answer.as_ref().is_ok_and(|cluster| is_sync_standby(cluster, context.to)) {
            return Ok(());
        }
        if begun.elapsed() > SYNC_WITHIN {
            let why = answer.err().map_or_else(
                || format!("after {SYNC_WITHIN:?} commits do not wait for {} (see patronictl list)", context.to),
                |why| why.to_string(),
            );
            return Err(context.refused(why));
        }
        sleep(CHECK_EVERY).await;
    }
}

async fn request_switchover(
    context: &SwitchoverContext<'_>,
    agent: &Endpoint,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let started = Instant::now();
    let wish = json!({"leader": context.from, "candidate": context.to});
    let asked = pin!(ask(agent, Method::POST, "/switchover", Some(&wish), SWITCHED_WITHIN));
    match select(asked, pin!(wait_for_successor(context))).await {
        // With these status codes Patroni refuses before it begins; after 503 or no answer it is not known how far it has come.
        Either::Left((Ok(Answer { status: status @ (400 | 401 | 403 | 409 | 412), text }), _)) => {
            Err(context.refused(format!("Patroni answered {status}: {text}")))
        }
        Either::Left(_) => wait_for_primary(context, started).await,
        // Patroni answers only once the old primary is back, seconds later; clients need not wait for that.
        Either::Right(_) => Ok(CompletedSwitchover { took: started.elapsed() }),
    }
}

/// Waits until the successor is the only primary of the two.
async fn wait_for_successor(context: &SwitchoverContext<'_>) {
    while !matches!(context.states().await, (ServerState::Standby { .. } | ServerState::Silent, ServerState::Primary)) {
        sleep(CHECK_EVERY).await;
    }
}

/// Waits until one of the two is the primary.
async fn wait_for_primary(
    context: &SwitchoverContext<'_>,
    started: Instant,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let begun = Instant::now();
    loop {
        match context.states().await {
            (ServerState::Standby { .. } | ServerState::Silent, ServerState::Primary) => {
                return Ok(CompletedSwitchover { took: started.elapsed() });
            }
            (ServerState::Primary, ServerState::Standby { .. }) if begun.elapsed() > STAYS_AFTER => {
                let (from, to) = (context.from.to_owned(), context.to.to_owned());
                return Err(SwitchoverError::NotMoved { from, to, waited: started.elapsed() });
            }
            _ if begun.elapsed() > PRIMARY_WITHIN => {
                return Err(
                    context.unknown(format!("after {PRIMARY_WITHIN:?} neither is the primary (see patronictl list)"))
                );
            }
            _ => sleep(CHECK_EVERY).await,
        }
    }
}

/// Changes Patroni's dynamic configuration, which all its agents read.
async fn set(agent: &Endpoint, change: &Value) -> Result<(), ServerError> {
    match ask(agent, Method::PATCH, "/config", Some(change), PATIENCE).await? {
        Answer { status: 200, .. } => Ok(()),
        Answer { status, text } => {
            Err(ServerError::Refused(format!("Patroni beside {} answered {status}: {text}", agent.member)))
        }
    }
}

/// Restores the settings through the first agent that accepts. If none does, the changed settings stay, and with them the record of
/// what they were before.
async fn restore(agents: &[Endpoint], before: &Settings) {
    for agent in agents {
        if set(agent, &before.restoring_change()).await.is_ok() {
            return;
        }
    }
}
