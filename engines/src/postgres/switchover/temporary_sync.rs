//! TOUCH. Lets commits wait for a standby for as long as an operation lasts, where they wait for nobody, and puts that back.
//!
//! A rule that was set for the duration carries a mark (`standby_names`), so nothing need be remembered elsewhere: whoever
//! comes after a dead process finds it by looking, and a switchover takes it along like any other rule (`prepare/names`).

use std::time::Instant;

use tokio::time::sleep;

use crate::postgres::Seen;
use crate::postgres::connections::{Connections, PATIENCE, literal};
use crate::postgres::interpret::{is_leading, standby_names};
use crate::postgres::standby_names::StandbyNames;
use crate::{Endpoint, SwitchoverError};

use super::POLL;

const RULE: &str = "SELECT current_setting('synchronous_standby_names') AS rule";

/// What a file other than the one `ALTER SYSTEM` writes says, the last line of it that counts (manual, `pg_file_settings`).
const IN_A_FILE: &str = "SELECT setting FROM pg_file_settings WHERE name = 'synchronous_standby_names' \
    AND sourcefile NOT LIKE '%/postgresql.auto.conf' ORDER BY seqno DESC LIMIT 1";

/// Lets each commit wait until one of the standbys has it, and returns when that holds and one has all that was written
/// before. Where it does not come to hold it is taken back: commits would hang.
pub(in crate::postgres) async fn begin(
    connections: &Connections,
    endpoints: &[Endpoint],
    seen: &[Seen],
) -> Result<(), SwitchoverError> {
    let mut leaders = seen.iter().filter(|seen| is_leading(seen));
    let (Some(leader), None) = (leaders.next(), leaders.next()) else {
        return Err(refused("the database", "not exactly one of its members leads".to_owned()));
    };
    let hand = Hand { connections, endpoint: endpoint(endpoints, &leader.member)? };
    match hand.rule().await? {
        Some(rule) if rule.is_for_the_duration() => {}
        Some(rule) => {
            return Err(hand.refused(format!("commits wait for standbys already, as somebody has set it: {rule}")));
        }
        None => {
            let rule = StandbyNames::any_for_the_duration(standby_names(seen, leader));
            hand.set(&literal(&rule.to_string())).await?;
        }
    }
    let Err(why) = hand.holds().await else { return Ok(()) };
    hand.put_back().await?;
    Err(why)
}

/// Lets commits wait for nobody again, on whichever member a rule was set for the duration; the primary last, so that it holds
/// until all else is as before. What could not be, for each.
pub(in crate::postgres) async fn end(
    connections: &Connections,
    endpoints: &[Endpoint],
    seen: &[Seen],
) -> Result<(), SwitchoverError> {
    let (leaders, others): (Vec<&Seen>, Vec<&Seen>) = seen.iter().partition(|seen| is_leading(seen));
    let mut first_trouble = Ok(());
    for member in others.into_iter().chain(leaders) {
        let ended =
            async { Hand { connections, endpoint: endpoint(endpoints, &member.member)? }.put_back().await }.await;
        // One that does not answer keeps nobody else's from being put back.
        first_trouble = first_trouble.and(ended);
    }
    first_trouble
}

fn endpoint<'a>(endpoints: &'a [Endpoint], member: &str) -> Result<&'a Endpoint, SwitchoverError> {
    let endpoint = endpoints.iter().find(|endpoint| endpoint.member == member);
    endpoint.ok_or_else(|| SwitchoverError::Unreachable { member: member.to_owned(), why: "it has no pod".to_owned() })
}

fn refused(member: &str, why: String) -> SwitchoverError {
    SwitchoverError::Refused { member: member.to_owned(), why }
}

/// One member, and the way to it.
struct Hand<'a> {
    connections: &'a Connections,
    endpoint: &'a Endpoint,
}

impl Hand<'_> {
    fn refused(&self, why: String) -> SwitchoverError {
        refused(&self.endpoint.member, why)
    }

    /// The only column of the only row of an answer, if there is one and it is not NULL.
    async fn word(&self, question: &str) -> Result<Option<String>, SwitchoverError> {
        self.connections.word(self.endpoint, question, PATIENCE).await.map_err(|why| self.refused(why.to_string()))
    }

    async fn rule(&self) -> Result<Option<StandbyNames>, SwitchoverError> {
        StandbyNames::parse(&self.word(RULE).await?.unwrap_or_default()).map_err(|why| self.refused(why.to_string()))
    }

    /// Changes the setting and waits until the server has read it. `ALTER SYSTEM` cannot be part of a transaction, and two
    /// orders sent together are one.
    async fn set(&self, rule: &str) -> Result<(), SwitchoverError> {
        self.word(&format!("ALTER SYSTEM SET synchronous_standby_names ={rule}")).await?;
        self.read_anew().await
    }

    async fn read_anew(&self) -> Result<(), SwitchoverError> {
        self.word("SELECT pg_reload_conf()").await.map(|_| ())
    }

    /// Waits until the primary counts standbys for commits, and one of them has all there is now on its disk: of the commits
    /// acknowledged before, nobody has waited for a copy.
    async fn holds(&self) -> Result<(), SwitchoverError> {
        let end = self.word("SELECT pg_current_wal_flush_lsn()::text").await?.unwrap_or_default();
        let counted = format!(
            "SELECT bool_or(sync_state = 'quorum' AND flush_lsn >= '{end}'::pg_lsn)::text FROM pg_stat_replication"
        );
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.word(&counted).await?.as_deref() == Some("true") {
                return Ok(());
            }
            sleep(POLL).await;
        }
        Err(self.refused(format!(
            "after {PATIENCE:?} no standby has what is written: commits would hang, so it is put back"
        )))
    }

    /// Back to nobody, if a rule was set for the duration. What a file of the configuration says is nothing too, or else it
    /// was overruled by `ALTER SYSTEM`, and is again.
    async fn put_back(&self) -> Result<(), SwitchoverError> {
        let is_marked = |rule: Option<StandbyNames>| rule.is_some_and(|rule| rule.is_for_the_duration());
        if !is_marked(self.rule().await?) {
            return Ok(());
        }
        let in_a_file = self.word(IN_A_FILE).await?.unwrap_or_default();
        if in_a_file.trim().is_empty() {
            self.word("ALTER SYSTEM RESET synchronous_standby_names").await?;
            self.read_anew().await?;
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
        Err(self.refused("it does not let go of synchronous_standby_names: something else sets it there".to_owned()))
    }
}
