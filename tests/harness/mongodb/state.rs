//! What the members of a set say of themselves, and whether that is what their configuration wants them to be.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mongodb::bson::{Bson, Document};

/// How far a secondary in sync may be behind: what a step down waits for without anybody noticing.
const BEHIND: Duration = Duration::from_secs(1);

/// How often a primary writes something where nobody else does. What a delayed member has last may be that much older than
/// its delay: what came after it is younger.
const WRITTEN_EVERY: Duration = Duration::from_secs(10);

/// One member.
pub(super) struct State {
    pub(super) pod: String,
    /// `PRIMARY`, `SECONDARY`, or what else a member can be.
    pub(super) says: String,
    /// Of the members that have data.
    data: Option<Data>,
}

struct Data {
    /// When what it has last was written, by the clock of whoever wrote it: milliseconds since 1970.
    at: u64,
    /// How much later than the others it is meant to have it.
    delay: Duration,
}

impl State {
    /// Of every member in a configuration, by what each answered to `replSetGetStatus`. An arbiter has no users and answers
    /// nobody: the primary speaks for it.
    pub(super) fn of_all(configuration: &Document, told: &HashMap<String, Result<Document>>) -> Result<Vec<Self>> {
        let members = configuration.get_document("config")?.get_array("members")?;
        members.iter().filter_map(Bson::as_document).map(|member| Self::of(member, told)).collect()
    }

    fn of(member: &Document, told: &HashMap<String, Result<Document>>) -> Result<Self> {
        let host = member.get_str("host")?;
        let pod = host.split('.').next().unwrap_or(host).to_owned();
        if member.get_bool("arbiterOnly").unwrap_or_default() {
            let says = told.values().flatten().find_map(|status| seen_by_primary(status, host));
            return Ok(Self { pod, says: says.unwrap_or("unseen").to_owned(), data: None });
        }
        let status = told.get(&pod).with_context(|| format!("{pod} is in the set and has no pod"))?;
        let status = status.as_ref().map_err(|error| anyhow::anyhow!("{pod}: {error:#}"))?;
        let itself = itself(status).with_context(|| format!("{pod} is in no set"))?;
        let at = u64::try_from(itself.get_datetime("optimeDate")?.timestamp_millis())?;
        // Absent where the set still speaks of `slaveDelay`, before 5.0.
        let delay = Duration::from_secs(u64::try_from(member.get_i64("secondaryDelaySecs").unwrap_or_default())?);
        Ok(Self { pod, says: itself.get_str("stateStr")?.to_owned(), data: Some(Data { at, delay }) })
    }

    /// Whether it follows, and has what the primary had a second ago, or before its delay.
    pub(super) fn follows(&self, primary: &Self) -> Result<()> {
        let Some(data) = &self.data else {
            ensure!(self.says == "ARBITER", "{} is {}", self.pod, self.says);
            return Ok(());
        };
        ensure!(self.says == "SECONDARY", "{} is {}", self.pod, self.says);
        let written = primary.data.as_ref().context("an arbiter leads")?.at;
        let behind = Duration::from_millis(written.saturating_sub(data.at));
        let meant = if data.delay.is_zero() { Duration::ZERO } else { data.delay + WRITTEN_EVERY };
        ensure!(behind <= meant + BEHIND, "{} is {behind:?} behind", self.pod);
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
