//! What the members of a replica set report of themselves, and whether that is what their configuration says.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mongodb::bson::{Bson, Document};

/// How far a secondary in sync may be behind: as much as a step-down makes up without a pause that clients notice.
const BEHIND: Duration = Duration::from_secs(1);

/// How often a primary writes a no-op where clients write nothing. A delayed member's newest entry may be older than its delay by
/// this much: the next entry is younger than the delay.
const NO_OP_EVERY: Duration = Duration::from_secs(10);

/// One member.
pub(super) struct MemberState {
    pub(super) pod: String,
    /// `PRIMARY`, `SECONDARY`, or another of the server's states.
    state: String,
    /// Of a member that bears data.
    data: Option<Data>,
}

struct Data {
    /// When its newest entry was written, by the clock of the primary that wrote it, in milliseconds since 1970.
    at: u64,
    /// How much later than the others it is configured to have an entry.
    delay: Duration,
}

impl MemberState {
    /// Of every member in a configuration, by each pod's answer to `replSetGetStatus`. An arbiter has no users, so no client may ask
    /// it: its state is the one that the primary reports.
    pub(super) fn of_all(configuration: &Document, answers: &HashMap<String, Result<Document>>) -> Result<Vec<Self>> {
        let members = configuration.get_document("config")?.get_array("members")?;
        members.iter().filter_map(Bson::as_document).map(|member| Self::of(member, answers)).collect()
    }

    fn of(member: &Document, answers: &HashMap<String, Result<Document>>) -> Result<Self> {
        let host = member.get_str("host")?;
        let pod = host.split('.').next().unwrap_or(host).to_owned();
        if member.get_bool("arbiterOnly").unwrap_or_default() {
            let state = answers.values().flatten().find_map(|status| seen_by_primary(status, host));
            return Ok(Self { pod, state: state.unwrap_or("unseen").to_owned(), data: None });
        }
        let status = answers.get(&pod).with_context(|| format!("{pod} is in the set and has no pod"))?;
        let status = status.as_ref().map_err(|error| anyhow::anyhow!("{pod}: {error:#}"))?;
        let itself = itself(status).with_context(|| format!("{pod} is in no set"))?;
        let at = u64::try_from(itself.get_datetime("optimeDate")?.timestamp_millis())?;
        // Absent before 5.0, where the setting is called `slaveDelay`.
        let delay = Duration::from_secs(u64::try_from(member.get_i64("secondaryDelaySecs").unwrap_or_default())?);
        Ok(Self { pod, state: itself.get_str("stateStr")?.to_owned(), data: Some(Data { at, delay }) })
    }

    /// Whether it is the primary by its own report.
    pub(super) fn is_primary(&self) -> bool {
        self.state == "PRIMARY"
    }

    /// Fails unless it follows, and has what the primary had a second ago, or before its delay.
    pub(super) fn follows(&self, primary: &Self) -> Result<()> {
        let Some(data) = &self.data else {
            ensure!(self.state == "ARBITER", "{} is {}", self.pod, self.state);
            return Ok(());
        };
        ensure!(self.state == "SECONDARY", "{} is {}", self.pod, self.state);
        let written = primary.data.as_ref().context("an arbiter is primary")?.at;
        let behind = Duration::from_millis(written.saturating_sub(data.at));
        let allowed = if data.delay.is_zero() { Duration::ZERO } else { data.delay + NO_OP_EVERY };
        ensure!(behind <= allowed + BEHIND, "{} is {behind:?} behind", self.pod);
        Ok(())
    }
}

fn members(status: &Document) -> impl Iterator<Item = &Document> {
    status.get_array("members").into_iter().flatten().filter_map(Bson::as_document)
}

fn itself(status: &Document) -> Option<&Document> {
    members(status).find(|member| member.get_bool("self").unwrap_or_default())
}

fn seen_by_primary<'a>(status: &'a Document, host: &str) -> Option<&'a str> {
    itself(status).filter(|itself| itself.get_str("stateStr").ok() == Some("PRIMARY"))?;
    members(status).find(|member| member.get_str("name").ok() == Some(host))?.get_str("stateStr").ok()
}
