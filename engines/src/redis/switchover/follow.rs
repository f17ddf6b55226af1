//! Replicas follow the primary itself, not each other. After `FAILOVER` the other replicas go on following the old primary: once
//! that restarts they follow nothing, and where it comes back as a primary by mistake they throw their copy away for its.

use std::time::{Duration, Instant};

use redis::cmd;
use tokio::time::sleep;

use super::{POLL, SwitchoverContext};
use crate::SwitchoverError;
use crate::redis::Answers;

/// A replica that has what its new primary has needs a partial resynchronisation: tens of milliseconds. One that must copy
/// everything is told apart by its link, which is up only after that.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(20);

/// A name that the servers do not know is given up after this long, and the address is used.
const NAME_TRIED_FOR: Duration = Duration::from_secs(4);

/// A primary as its replicas find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Primary {
    /// Its address as other servers know it now: an address that ends with its pod, where it announces no name.
    pub(super) host: String,
    pub(super) port: u16,
    /// A name that outlives its pod: formed as its predecessor's was.
    pub(super) name: Option<String>,
}

impl Primary {
    /// The host by which a member's replicas follow it, for another member: `redis-0.redis` is `redis-1.redis` then.
    pub(super) fn name_for(member: &str, followed_as: Option<&str>, to: &str) -> Option<String> {
        let rest = followed_as?.strip_prefix(member)?;
        rest.starts_with('.').then(|| format!("{to}{rest}"))
    }

    fn is(&self, host: &str) -> bool {
        host == self.host || self.name.as_deref() == Some(host)
    }
}

/// The host and port that a replica follows, and whether its link is up; nothing for a primary.
fn followed(info: &Answers) -> Option<(&str, u16, bool)> {
    let port = info.number("master_port").and_then(|port| u16::try_from(port).ok())?;
    Some((info.field("master_host")?, port, info.field("master_link_status") == Some("up")))
}

/// The host that a member follows, if it can be asked and follows any.
async fn host_followed_by(context: &SwitchoverContext<'_>, member: &str) -> Option<String> {
    let info = context.ask(member).await.ok()?;
    followed(&info).map(|(host, ..)| host.to_owned())
}

/// The member that a member follows.
async fn followed_by_member<'a>(context: &'a SwitchoverContext<'_>, member: &str) -> Option<&'a str> {
    context.member_at(&host_followed_by(context, member).await?)
}

/// Has a replica follow the primary, and records it in its file, if it has one. One that does already is left alone.
pub(super) async fn follow(
    context: &SwitchoverContext<'_>,
    member: &str,
    primary: &Primary,
) -> Result<(), SwitchoverError> {
    let info = context.ask(member).await?;
    if info.field("role") != Some("slave") {
        return Ok(()); // a primary is never made a replica here
    }
    // By name where there is one, or the replica loses it with the pod that has this address now.
    let wanted = primary.name.as_deref().unwrap_or(&primary.host);
    let follows = followed(&info).is_some_and(|(host, port, _)| port == primary.port && host == wanted);
    if !follows {
        let by_name = match &primary.name {
            Some(name) => follow_as(context, member, name, primary, NAME_TRIED_FOR).await,
            None => Err(context.unknown("it has no name".to_owned())),
        };
        if by_name.is_err() {
            follow_as(context, member, &primary.host, primary, FOLLOWS_WITHIN).await?;
        }
    }
    let has_file = info.field("config_file").is_some_and(|file| !file.is_empty());
    if !has_file {
        return Ok(());
    }
    context.order(&mut context.connection(member).await?, member, cmd("CONFIG").arg("REWRITE")).await
}

async fn follow_as(
    context: &SwitchoverContext<'_>,
    member: &str,
    host: &str,
    primary: &Primary,
    within: Duration,
) -> Result<(), SwitchoverError> {
    let order = cmd("REPLICAOF").arg(host).arg(primary.port).take();
    context.order(&mut context.connection(member).await?, member, &order).await?;
    let started = Instant::now();
    while started.elapsed() < within {
        if let Ok(info) = context.ask(member).await
            && followed(&info).is_some_and(|(now, _, is_up)| is_up && primary.is(now))
        {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(SwitchoverError::Refused {
        member: member.to_owned(),
        why: format!("it does not follow {host}:{} within {within:?}", primary.port),
    })
}

/// After a switchover: the other replicas of the old primary follow the new one, as far as they can be reached. One that is left
/// follows the old primary still, and is led to the new one before that restarts ([`leave`]).
pub(super) async fn lead_others(context: &SwitchoverContext<'_>, new: &Primary) {
    for other in context.endpoints.iter().map(|endpoint| endpoint.member.as_str()) {
        if ![context.from, context.to].contains(&other)
            && followed_by_member(context, other).await == Some(context.from)
        {
            drop(follow(context, other, new).await);
        }
    }
}

/// Before `member` is restarted: the replicas that follow it, although it leads no more, follow the primary. Which they were.
pub(super) async fn leave(context: &SwitchoverContext<'_>, member: &str) -> Result<Vec<String>, SwitchoverError> {
    let info = context.ask(member).await?;
    let Some((host, port, _)) = followed(&info) else { return Ok(Vec::new()) };
    // Only towards a member that says itself that it leads: what is followed may be old news.
    let Some(leader) = context.member_at(host) else { return Ok(Vec::new()) };
    if !context.leads(leader).await {
        return Ok(Vec::new());
    }
    let mut led = Vec::new();
    for other in context.endpoints.iter().map(|endpoint| endpoint.member.as_str()).filter(|other| *other != member) {
        let Some(follows) = host_followed_by(context, other).await else { continue };
        if context.member_at(&follows) == Some(member) {
            let name = Primary::name_for(member, Some(&follows), leader);
            follow(context, other, &Primary { host: host.to_owned(), port, name }).await?;
            led.push(other.to_owned());
        }
    }
    Ok(led)
}
