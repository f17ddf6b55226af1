//! TOUCH. A switchover where Patroni decides who leads: it is asked, and never gone behind.
//!
//! Patroni lets go of the lead once the old primary has stopped, whether or not the successor has everything
//! (`maximum_lag_on_failover` bounds what is lost then). So commits wait for every standby before it is asked, by its own
//! synchronous mode, and what they waited for before is put back when it is over: nobody who is behind can be chosen, and
//! if none can, nobody is. Whoever dies in between leaves synchronous mode on: slower, and nothing is lost.

mod commits;
mod rest;

use std::pin::pin;
use std::time::{Duration, Instant};

use futures::future::{Either, select};
use hyper::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::SwitchoverContext;
use super::decide::{Next, Side, next};
use super::prepare::catch_up::catch_up;
use crate::{CompletedSwitchover, Endpoint, ServerError, SwitchoverError};
use commits::{Settings, is_in_step};
use rest::{Answer, ask, read};

/// A short answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long Patroni may take to let commits wait for the successor: it looks every `loop_wait`, 10 s unless set.
const IN_STEP_WITHIN: Duration = Duration::from_mins(1);

/// How long a switchover may take: Patroni itself gives up after twice its `loop_wait`, and its caller is told then.
const SWITCHED_WITHIN: Duration = Duration::from_mins(1);

/// How long somebody must lead after that. The lead of one who died is free after its `ttl`, 30 s unless set.
const LED_WITHIN: Duration = Duration::from_mins(1);

/// Who still leads after that, with a switchover asked for that did not end well, stays.
const STAYED_FOR: Duration = Duration::from_secs(5);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Lets Patroni make `to` the primary. `agents` are the ways to it beside each server.
pub(in crate::postgres) async fn switch_over(
    context: &SwitchoverContext<'_>,
    agents: &[Endpoint],
) -> Result<CompletedSwitchover, SwitchoverError> {
    let (old, new) = context.sides().await;
    match next(old, new, None) {
        // Boxed: two questions at once to two servers, each with a connection of its own.
        Next::Begin => Box::pin(begin(context, agents)).await,
        Next::Done => Ok(CompletedSwitchover { took: Duration::ZERO }),
        // Patroni ends what it began, and chooses again when it must.
        Next::PromoteSuccessor | Next::PromoteBack | Next::Wait => led(context, Instant::now()).await,
        Next::TwoPrimaries => Err(context.refused(format!("{} leads as well", context.to))),
    }
}

async fn begin(context: &SwitchoverContext<'_>, agents: &[Endpoint]) -> Result<CompletedSwitchover, SwitchoverError> {
    let agent = agents.iter().find(|agent| agent.member == context.from);
    let agent = agent.ok_or_else(|| context.refused("there is no way to the Patroni beside it".to_owned()))?;
    let config = read(agent, "/config", PATIENCE).await.map_err(|why| context.refused(why.to_string()))?;
    // One who does not keep up would, once commits wait for it, let clients wait as well.
    catch_up(context).await?;
    let before = Settings::read(&config);
    let change = before.all_in_step(context.endpoints.len().saturating_sub(1));
    if let Some(change) = &change {
        set(agent, change).await.map_err(|why| context.refused(why.to_string()))?;
    }
    let moved = match ready(context, agent).await {
        Ok(()) => request_switchover(context, agent).await,
        Err(refused) => Err(refused),
    };
    if change.is_some() {
        put_back(agents, &before).await;
    }
    moved
}

/// Commits wait for the successor, and it has those that did not.
async fn ready(context: &SwitchoverContext<'_>, agent: &Endpoint) -> Result<(), SwitchoverError> {
    in_step(context, agent).await?;
    catch_up(context).await?;
    context.clients.pause().await
}

/// Waits until each commit waits for the successor.
async fn in_step(context: &SwitchoverContext<'_>, agent: &Endpoint) -> Result<(), SwitchoverError> {
    let begun = Instant::now();
    loop {
        let told = read(agent, "/cluster", PATIENCE).await;
        if told.as_ref().is_ok_and(|cluster| is_in_step(cluster, context.to)) {
            return Ok(());
        }
        if begun.elapsed() > IN_STEP_WITHIN {
            let why = told.err().map_or_else(
                || format!("after {IN_STEP_WITHIN:?} commits do not wait for {} (see patronictl list)", context.to),
                |why| why.to_string(),
            );
            return Err(context.refused(why));
        }
        sleep(LOOK).await;
    }
}

async fn request_switchover(
    context: &SwitchoverContext<'_>,
    agent: &Endpoint,
) -> Result<CompletedSwitchover, SwitchoverError> {
    let started = Instant::now();
    let wish = json!({"leader": context.from, "candidate": context.to});
    let asked = pin!(ask(agent, Method::POST, "/switchover", Some(&wish), SWITCHED_WITHIN));
    match select(asked, pin!(leads(context))).await {
        // It says so with these before it begins; with 503, or nothing, it is not known how far it has come.
        Either::Left((Ok(Answer { status: status @ (400 | 401 | 403 | 409 | 412), text }), _)) => {
            Err(context.refused(format!("Patroni answered {status}: {text}")))
        }
        Either::Left(_) => led(context, started).await,
        // It answers when the old primary is back as well, seconds later; clients need not wait for that.
        Either::Right(_) => Ok(CompletedSwitchover { took: started.elapsed() }),
    }
}

/// Waits until the successor leads, and nobody else.
async fn leads(context: &SwitchoverContext<'_>) {
    while !matches!(context.sides().await, (Side::Follows { .. } | Side::Silent, Side::Leads)) {
        sleep(LOOK).await;
    }
}

/// Waits until one of the two leads.
async fn led(context: &SwitchoverContext<'_>, started: Instant) -> Result<CompletedSwitchover, SwitchoverError> {
    let begun = Instant::now();
    loop {
        match context.sides().await {
            (Side::Follows { .. } | Side::Silent, Side::Leads) => {
                return Ok(CompletedSwitchover { took: started.elapsed() });
            }
            (Side::Leads, Side::Follows { .. }) if begun.elapsed() > STAYED_FOR => {
                let (from, to) = (context.from.to_owned(), context.to.to_owned());
                return Err(SwitchoverError::NotMoved { from, to, waited: started.elapsed() });
            }
            _ if begun.elapsed() > LED_WITHIN => {
                return Err(context.unknown(format!("after {LED_WITHIN:?} neither leads (see patronictl list)")));
            }
            _ => sleep(LOOK).await,
        }
    }
}

/// Changes the dynamic configuration; all members hear of it.
async fn set(agent: &Endpoint, change: &Value) -> Result<(), ServerError> {
    match ask(agent, Method::PATCH, "/config", Some(change), PATIENCE).await? {
        Answer { status: 200, .. } => Ok(()),
        Answer { status, text } => {
            Err(ServerError::Refused(format!("Patroni beside {} answered {status}: {text}", agent.member)))
        }
    }
}

/// Puts the settings back, whoever hears it first. Where nobody does they stay, and with them what they were before.
async fn put_back(agents: &[Endpoint], before: &Settings) {
    for agent in agents {
        if set(agent, &before.put_back()).await.is_ok() {
            return;
        }
    }
}
