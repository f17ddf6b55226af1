//! TOUCH. Makes commits wait for a standby for as long as an operation lasts, where they wait for none, and reverts that.
//!
//! A rule that was set for the duration carries a mark (`standby_names`), so nothing has to be recorded elsewhere: if this process
//! dies, the next operation finds the mark on the servers, and a switchover carries the rule along like any other
//! (`prepare/names`).

use std::time::Instant;

use tokio::time::sleep;

use crate::postgres::MemberAnswers;
use crate::postgres::connections::{Connections, PATIENCE, literal};
use crate::postgres::interpret::{is_primary, standby_names};
use crate::postgres::standby_names::StandbyNames;
use crate::{Endpoint, SwitchoverError};

use super::POLL;

const RULE: &str = "SELECT current_setting('synchronous_standby_names') AS rule";

/// Selects the setting in a file other than the one that `ALTER SYSTEM` writes; the last line counts (manual, `pg_file_settings`).
const IN_A_FILE: &str = "SELECT setting FROM pg_file_settings WHERE name = 'synchronous_standby_names' \
    AND sourcefile NOT LIKE '%/postgresql.auto.conf' ORDER BY seqno DESC LIMIT 1";

/// Makes each commit wait until one of the standbys has it, and returns when that is in effect and a standby has all that was
/// written before. If it does not come into effect in time it is reverted, since commits would hang.
pub(in crate::postgres) async fn begin(
    connections: &Connections,
    endpoints: &[Endpoint],
    seen: &[MemberAnswers],
) -> Result<(), SwitchoverError> {
    let mut leaders = seen.iter().filter(|seen| is_primary(seen));
    let (Some(leader), None) = (leaders.next(), leaders.next()) else {
        return Err(refused("the database", "not exactly one of its members is the primary".to_owned()));
    };
    let member = SyncedMember { connections, endpoint: endpoint(endpoints, &leader.member)? };
    match member.rule().await? {
        Some(rule) if rule.is_for_the_duration() => {}
        Some(rule) => {
            return Err(member
                .refused(format!("commits wait for standbys already, by a rule that this tool has not set: {rule}")));
        }
        None => {
            let rule = StandbyNames::any_for_the_duration(standby_names(seen, leader));
            member.set(&literal(&rule.to_string())).await?;
        }
    }
    let Err(why) = member.wait_until_synced().await else { return Ok(()) };
    member.remove_rule().await?;
    Err(why)
}

/// Removes the rule from every member on which it was set for the duration, so that commits wait for no standby again; from the
/// primary last, so that it is in effect until all else is as before. Returns the first error.
pub(in crate::postgres) async fn end(
    connections: &Connections,
    endpoints: &[Endpoint],
    seen: &[MemberAnswers],
) -> Result<(), SwitchoverError> {
    let (leaders, others): (Vec<&MemberAnswers>, Vec<&MemberAnswers>) = seen.iter().partition(|seen| is_primary(seen));
    let mut first_error = Ok(());
    for member in others.into_iter().chain(leaders) {
        let ended =
            async { SyncedMember { connections, endpoint: endpoint(endpoints, &member.member)? }.remove_rule().await }
                .await;
        // A member that does not answer does not keep the rule from being removed from the others.
        first_error = first_error.and(ended);
    }
    first_error
}

fn endpoint<'a>(endpoints: &'a [Endpoint], member: &str) -> Result<&'a Endpoint, SwitchoverError> {
    let endpoint = endpoints.iter().find(|endpoint| endpoint.member == member);
    endpoint.ok_or_else(|| SwitchoverError::Unreachable { member: member.to_owned(), why: "it has no pod".to_owned() })
}

fn refused(member: &str, why: String) -> SwitchoverError {
    SwitchoverError::Refused { member: member.to_owned(), why }
}

/// One member, and the connections to reach it.
struct SyncedMember<'a> {
    connections: &'a Connections,
    endpoint: &'a Endpoint,
}

impl SyncedMember<'_> {
    fn refused(&self, why: String) -> SwitchoverError {
        refused(&self.endpoint.member, why)
    }

    /// The only column of the only row of an answer, if there is one and it is not NULL.
    async fn value(&self, question: &str) -> Result<Option<String>, SwitchoverError> {
        self.connections.value(self.endpoint, question, PATIENCE).await.map_err(|why| self.refused(why.to_string()))
    }

    async fn rule(&self) -> Result<Option<StandbyNames>, SwitchoverError> {
        StandbyNames::parse(&self.value(RULE).await?.unwrap_or_default()).map_err(|why| self.refused(why.to_string()))
    }

    /// Changes the setting and waits until the server has read it. `ALTER SYSTEM` cannot be part of a transaction, and two
    /// statements sent together are one.
    async fn set(&self, rule: &str) -> Result<(), SwitchoverError> {
        self.value(&format!("ALTER SYSTEM SET synchronous_standby_names ={rule}")).await?;
        self.reload().await
    }

    async fn reload(&self) -> Result<(), SwitchoverError> {
        self.value("SELECT pg_reload_conf()").await.map(|_| ())
    }

    /// Waits until the primary counts standbys for commits, and one of them has all that is written now on its disk: commits that
    /// were acknowledged before have not waited for any standby.
    async fn wait_until_synced(&self) -> Result<(), SwitchoverError> {
        let end = self.value("SELECT pg_current_wal_flush_lsn()::text").await?.unwrap_or_default();
        let counted = format!(
            "SELECT bool_or(sync_state = 'quorum' AND flush_lsn >= '{end}'::pg_lsn)::text FROM pg_stat_replication"
        );
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.value(&counted).await?.as_deref() == Some("true") {
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(self.refused(format!(
            "after {PATIENCE:?} no standby has what is written: commits would hang, so the rule is removed again"
        )))
    }

    /// Removes the rule, if it was set for the duration. If a configuration file has a rule of its own, it was overruled by `ALTER
    /// SYSTEM` with an empty setting before, and is overruled so again.
    async fn remove_rule(&self) -> Result<(), SwitchoverError> {
        let is_marked = |rule: Option<StandbyNames>| rule.is_some_and(|rule| rule.is_for_the_duration());
        if !is_marked(self.rule().await?) {
            return Ok(());
        }
        let in_a_file = self.value(IN_A_FILE).await?.unwrap_or_default();
        if in_a_file.trim().is_empty() {
            self.value("ALTER SYSTEM RESET synchronous_standby_names").await?;
            self.reload().await?;
        } else {
            self.set("''").await?;
        }
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if !is_marked(self.rule().await?) {
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(self.refused("synchronous_standby_names cannot be reset: something else sets it there".to_owned()))
    }
}
