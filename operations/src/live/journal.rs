//! TOUCH. The journal and the claim, kept in the cluster: opened together, closed together.

use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::journal_records;
use stateful_cluster::locks::{LEAVES_NODE, LeaseFacts, LockHolder, OperationLock};
use stateful_engines::Ledger;
use stateful_safety::Workload;

use super::Live;
use crate::journal::{Entry, Event, Line, read};
use crate::{Plan, World, WorldError};

impl Live {
    /// Every operation on the workload, oldest first. One whose journal cannot be read is an error: it may be running.
    pub async fn history(&self, workload: &Workload) -> Result<Vec<Entry>, WorldError> {
        let records = journal_records::list(&self.cluster, workload).await?;
        records
            .iter()
            .map(|record| {
                read(&record.id, &record.lines)
                    .map_err(|why| WorldError::Journal(format!("operation {}: {why}", record.id)))
            })
            .collect()
    }

    /// Who holds the workload now.
    pub async fn holder(&self, workload: &Workload) -> Result<Option<LockHolder>, WorldError> {
        Ok(OperationLock::holder(&self.cluster, workload).await?)
    }

    /// Takes the claim ahead of [`Live::begin`], and says that the members on a node are about to leave it: the guard lets
    /// that node be cordoned, and nobody else begins anything on the workload meanwhile.
    pub async fn reserve(
        &self,
        workload: &Workload,
        verb: &str,
        who: &str,
        node: &str,
        patience: Duration,
    ) -> Result<(), WorldError> {
        let claim = OperationLock::take(&self.cluster, workload, &identity(who, verb), patience).await?;
        claim.announce(LEAVES_NODE, node).await?;
        self.ours.lock().await.claim = Some(claim);
        Ok(())
    }

    /// Takes the claim, unless it is ours already, and opens a journal. A claim without an unfinished operation is that of
    /// somebody who died between the two, or has only just begun: it is waited for up to `patience`, and refused if somebody
    /// keeps renewing it.
    pub async fn begin(
        &self,
        workload: &Workload,
        verb: &str,
        who: &str,
        plan: &Plan,
        patience: Duration,
    ) -> Result<String, WorldError> {
        let id = format!("{}-{}", Timestamp::now().strftime("%Y%m%d%H%M%S"), plan.hash());
        let reserved = self.ours.lock().await.claim.take();
        let claim = match reserved {
            Some(claim) => claim,
            None => OperationLock::take(&self.cluster, workload, &identity(who, verb), patience).await?,
        };
        // Only now, under the claim: an operation somebody left unfinished must not be overlooked.
        if let Some(open) = self.history(workload).await?.into_iter().find(|entry| entry.state.is_open()) {
            claim.release().await?;
            return Err(WorldError::Journal(format!(
                "operation {} ({}, by {}) is unfinished",
                open.id, open.verb, open.by
            )));
        }
        let line = Line::Opened {
            verb: verb.to_owned(),
            by: who.to_owned(),
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            plan: plan.clone(),
        };
        let first = text(&Event { at: self.now(), what: line })?;
        let record = journal_records::create(&self.cluster, workload, &id, first).await?;
        let mut ours = self.ours.lock().await;
        ours.claim = Some(claim);
        ours.record = Some(record);
        Ok(id)
    }

    /// Takes over an operation somebody left unfinished, waiting up to `patience` for a dead holder's claim to run out; no
    /// longer than is left of that where the caller has watched the claim (`seen`).
    pub async fn take_over(
        &self,
        workload: &Workload,
        entry: &Entry,
        who: &str,
        patience: Duration,
        seen: Option<&LeaseFacts>,
    ) -> Result<(), WorldError> {
        let who = identity(who, "resume");
        let claim = OperationLock::take_watched(&self.cluster, workload, &who, patience, seen).await?;
        let records = journal_records::list(&self.cluster, workload).await?;
        let record = records.into_iter().find(|record| record.id == entry.id);
        let record = record.ok_or_else(|| WorldError::Journal(format!("operation {} is gone", entry.id)))?;
        // Its holder may have written on between our reading and our claim.
        let now = read(&record.id, &record.lines).map_err(WorldError::Journal)?;
        if !now.state.is_open() {
            claim.release().await?;
            return Err(WorldError::Journal(format!("operation {} has ended meanwhile", entry.id)));
        }
        let mut ours = self.ours.lock().await;
        ours.claim = Some(claim);
        ours.record = Some(record);
        Ok(())
    }

    /// Records what is left to do, drawn up anew.
    pub async fn redrawn(&self, who: &str, plan: &Plan) -> Result<(), WorldError> {
        let line = Line::Redrawn { by: who.to_owned(), why: "resumed".to_owned(), plan: plan.clone() };
        self.write(&Event { at: self.now(), what: line }).await
    }

    /// Records that the goal is reached, and lets go of the workload.
    pub async fn finish(&self, canary: Option<Ledger>) -> Result<(), WorldError> {
        self.write(&Event { at: self.now(), what: Line::Finished { canary } }).await?;
        self.let_go().await
    }

    /// Records that the operation is ended where it is, and lets go of the workload.
    pub async fn abort(&self, who: &str) -> Result<(), WorldError> {
        self.write(&Event { at: self.now(), what: Line::Aborted { by: who.to_owned() } }).await?;
        self.let_go().await
    }

    /// Lets go of the workload without a word in the journal: it stopped and has said so already.
    pub async fn let_go(&self) -> Result<(), WorldError> {
        let claim = self.ours.lock().await.claim.take();
        match claim {
            Some(claim) => Ok(claim.release().await?),
            None => Ok(()),
        }
    }

    pub(super) async fn write(&self, event: &Event) -> Result<(), WorldError> {
        let line = text(event)?;
        let mut ours = self.ours.lock().await;
        let Some(record) = ours.record.as_mut() else {
            return Err(WorldError::Journal("no operation is open".to_owned()));
        };
        Ok(journal_records::append(&self.cluster, record, line).await?)
    }
}

fn text(event: &Event) -> Result<String, WorldError> {
    serde_json::to_string(event).map_err(|error| WorldError::Journal(error.to_string()))
}

fn identity(who: &str, verb: &str) -> String {
    format!("{who} ({verb}, process {})", std::process::id())
}
