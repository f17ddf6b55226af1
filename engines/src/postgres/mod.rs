//! PostgreSQL 13 and newer: a primary and its streaming standbys, asked and changed over the PostgreSQL protocol only.

mod answers;
mod canary;
pub mod conditions;
mod connection_config;
mod connections;
mod conninfo;
#[cfg(test)]
mod explored_manager;
mod ha_manager;
mod interpret;
mod lsn;
mod observe;
mod pooler;
mod pooler_control;
mod profile;
mod standby_names;
mod switchover;
mod tls;

pub use answers::{Answers, MemberAnswers, TextRow};
pub use conditions::CONDITIONS;
pub use interpret::interpret;
pub use profile::PROFILE;

use std::time::Instant;

use stateful_safety::{Assessment, ConnectionConfig, ContainerFacts, Millis};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::{
    BoxFuture, Canary, CanaryError, ClientPause, CompletedSwitchover, Endpoint, Engine, Finalization, Ledger,
    PoolerControl, Prepared, RestartPreparation, Switchover, SwitchoverError, TemporarySync, Watchers,
};
use connections::Connections;
use ha_manager::{HaManager, KnownManager, Shown, know_manager};
use switchover::follow::Unapplied;
use switchover::{
    CHECK_EVERY, SETTLED_WITHIN, SwitchoverContext, fence, follow, leftover_slots, patroni, temporary_sync,
};

/// Patroni's default port (`restapi.listen`; Zalando's and Crunchy Data's images as well).
const PATRONI_PORT: u16 = 8008;

/// The adapter, with the connections it keeps open.
#[derive(Debug)]
pub struct Postgres {
    connections: Connections,
    /// Connections to poolers' consoles. They are opened at the first question, so that no login is needed while clients wait.
    consoles: Connections,
}

impl Default for Postgres {
    fn default() -> Self {
        Self { connections: Connections::default(), consoles: Connections::to_database(pooler::CONSOLE) }
    }
}

impl Postgres {
    /// LOOK. Every member's answers, word for word: `assess` interprets them, and they are recorded for its tests.
    pub async fn observe(&self, endpoints: &[Endpoint]) -> Vec<MemberAnswers> {
        observe::observe(&self.connections, endpoints).await
    }

    /// LOOK. The high-availability manager that decides which member is the primary, as any member that answers shows it.
    async fn ha_manager(&self, endpoints: &[Endpoint]) -> Option<HaManager> {
        find_in(&self.observe(endpoints).await)
    }

    /// LOOK. The same before a switchover, where a manager that is not seen is not taken for none: the two members have to answer.
    /// While there is a primary they do, or the switchover is refused; where there is none, one of them may still be starting.
    async fn known_ha_manager(&self, context: &SwitchoverContext<'_>) -> Result<Option<HaManager>, SwitchoverError> {
        let begun = Instant::now();
        loop {
            let seen = self.observe(context.endpoints).await;
            let (two, others): (Vec<_>, Vec<_>) =
                seen.iter().partition(|seen| [context.from, context.to].contains(&seen.member.as_str()));
            let shown = |seen: &[&MemberAnswers]| seen.iter().map(|seen| shown_by(seen)).collect::<Vec<_>>();
            let silent = || {
                let silent = two.iter().find_map(|seen| Some((&seen.member, seen.answer.as_ref().err()?)));
                let (member, why) = silent.map_or(("a member", "no answer"), |(member, why)| (member, why));
                SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_owned() }
            };
            match know_manager(&shown(&two), &shown(&others)) {
                KnownManager::Manager(manager) => return Ok(Some(manager)),
                KnownManager::None => return Ok(None),
                KnownManager::Unknown => return Err(silent()),
                KnownManager::AskAgain if begun.elapsed() > SETTLED_WITHIN => return Err(silent()),
                KnownManager::AskAgain => {}
            }
            sleep(CHECK_EVERY).await;
        }
    }
}

fn shown_by(seen: &MemberAnswers) -> Shown {
    match &seen.answer {
        Err(_) => Shown::Nothing,
        Ok(answers) if answers.in_recovery() == Some(false) => Shown::ByPrimary(ha_manager::find_ha_manager(answers)),
        Ok(answers) => Shown::ByStandby(ha_manager::find_ha_manager(answers)),
    }
}

fn find_in(seen: &[MemberAnswers]) -> Option<HaManager> {
    seen.iter().filter_map(|seen| seen.answer.as_ref().ok()).find_map(ha_manager::find_ha_manager)
}

impl Engine for Postgres {
    fn connection_config(&self, facts: &ContainerFacts) -> ConnectionConfig {
        connection_config::connection_config(facts)
    }

    fn assess<'a>(&'a self, endpoints: &'a [Endpoint], now: Millis) -> BoxFuture<'a, Assessment> {
        Box::pin(async move { interpret(&self.observe(endpoints).await, now) })
    }

    fn switchover(&self) -> Option<&dyn Switchover> {
        Some(self)
    }

    fn restart_preparation(&self) -> Option<&dyn RestartPreparation> {
        Some(self)
    }

    fn finalization(&self) -> Option<&dyn Finalization> {
        None
    }

    fn temporary_sync(&self) -> Option<&dyn TemporarySync> {
        Some(self)
    }

    fn pooler_control(&self) -> Option<&dyn PoolerControl> {
        Some(self)
    }

    fn watchers(&self) -> Option<&dyn Watchers> {
        Some(self)
    }

    fn canary(&self) -> Option<&dyn Canary> {
        Some(self)
    }
}

impl Switchover for Postgres {
    fn switch_over<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        watchers: &'a [Endpoint],
        from: &'a str,
        to: &'a str,
        clients: &'a dyn ClientPause,
    ) -> BoxFuture<'a, Result<CompletedSwitchover, SwitchoverError>> {
        Box::pin(async move {
            let context = SwitchoverContext { connections: &self.connections, endpoints, from, to, clients };
            match self.known_ha_manager(&context).await? {
                Some(HaManager::Patroni) => patroni::switch_over(&context, watchers).await,
                Some(HaManager::Repmgr) => {
                    Err(context.refused("repmgr decides which member is the primary".to_owned()))
                }
                Some(HaManager::AutoFailover) => {
                    Err(context.refused("pg_auto_failover decides which member is the primary".to_owned()))
                }
                None => switchover::switch_over(&context).await,
            }
        })
    }

    /// The replication slots on a server that is a standby again, and those of an extra replica.
    fn remove_unused<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(leftover_slots::drop_unused(&self.connections, endpoints))
    }
}

impl RestartPreparation for Postgres {
    /// A server is a standby when `standby.signal` is in its data directory, beside the data itself, and promotion takes it away.
    /// Wherever the data comes back, the role does, unless what starts the server decides it, which is a condition (STF-DB-020). Which
    /// primary it follows is in its settings, which may have to be set back.
    fn prepare_restart<'a>(
        &'a self,
        endpoints: &'a [Endpoint],
        member: &'a str,
    ) -> BoxFuture<'a, Result<Prepared, SwitchoverError>> {
        Box::pin(async move {
            follow::settle_unapplied(&self.connections, endpoints, member).await?;
            Ok(Prepared::Ready)
        })
    }

    /// The fence of a switchover that ended before its stop, the successor in the settings of the other standbys, the slots that
    /// no standby reads through any more, and the synchronous mode of Patroni, whose agents the watchers are.
    fn take_back<'a>(&'a self, endpoints: &'a [Endpoint], watchers: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async move {
            let mut notes = fence::remove_leftover_fences(&self.connections, endpoints).await;
            for endpoint in endpoints {
                let member = &endpoint.member;
                match follow::settle_unapplied(&self.connections, endpoints, member).await {
                    Ok(Unapplied::Left) => {}
                    Ok(Unapplied::SetBack) => notes.push(format!(
                        "{member} would have followed the successor of a switchover that did not take place: its \
                         primary_conninfo is restored"
                    )),
                    Ok(Unapplied::Applied) => notes.push(format!("{member} follows the new primary")),
                    Err(error) => {
                        notes.push(format!("{member} may follow another member after its next restart: {error}"));
                    }
                }
            }
            notes.extend(leftover_slots::drop_unused(&self.connections, endpoints).await);
            notes.extend(patroni::take_back(watchers).await);
            notes
        })
    }
}

impl TemporarySync for Postgres {
    fn begin_temporary_sync<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(
            async move { temporary_sync::begin(&self.connections, endpoints, &self.observe(endpoints).await).await },
        )
    }

    fn end_temporary_sync<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Result<(), SwitchoverError>> {
        Box::pin(async move { temporary_sync::end(&self.connections, endpoints, &self.observe(endpoints).await).await })
    }
}

impl Watchers for Postgres {
    fn watcher_port(&self) -> u16 {
        PATRONI_PORT
    }

    /// Patroni beside each server, where one of them shows that Patroni started it; else none: a plain replication has no program
    /// that monitors it.
    fn watchers<'a>(&'a self, endpoints: &'a [Endpoint]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async {
            match self.ha_manager(endpoints).await {
                Some(HaManager::Patroni) => endpoints.iter().filter_map(|endpoint| endpoint.address.clone()).collect(),
                Some(HaManager::Repmgr | HaManager::AutoFailover) | None => Vec::new(),
            }
        })
    }
}

impl Canary for Postgres {
    fn run_canary(
        &self,
        endpoints: watch::Receiver<Vec<Endpoint>>,
        stop: watch::Receiver<bool>,
    ) -> BoxFuture<'_, Result<Ledger, CanaryError>> {
        Box::pin(canary::run(endpoints, stop))
    }
}
