//! TOUCH. The journal and the operation lock, kept in the cluster: opened together, closed together.

use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::journal_records;
use stateful_cluster::locks::{LEAVES_NODE, LeaseFacts, LockHolder, OperationLock};
use stateful_engines::{BoxFuture, Ledger};
use tokio::sync::mpsc::UnboundedSender;

use super::{Live, OwnOperation};
use crate::journal::{Entry, Event, Line, read};
use crate::session::{OperationWorld, RunningCanary};
use crate::{Plan, Progress, World, WorldError};

impl Live {
    /// Every operation on the workload, oldest first. One whose journal cannot be read is an error: it may be running.
    pub async fn history(&self) -> Result<Vec<Entry>, WorldError> {
        let records = journal_records::list(&self.cluster, &self.workload).await?;
        records
            .iter()
            .map(|record| {
                read(&record.id, &record.lines)
                    .map_err(|why| WorldError::Journal(format!("operation {}: {why}", record.id)))
            })
            .collect()
    }

    /// Who holds the workload's operation lock now.
    pub async fn holder(&self) -> Result<Option<LockHolder>, WorldError> {
        Ok(OperationLock::holder(&self.cluster, &self.workload).await?)
    }

    async fn take_lock(&self, who: &str, verb: &str, patience: Duration) -> Result<OperationLock, WorldError> {
        Ok(OperationLock::take(&self.cluster, &self.workload, &lock_identity(who, verb), patience).await?)
    }

    async fn open_journal(&self, verb: &str, who: &str, plan: &Plan, patience: Duration) -> Result<String, WorldError> {
        let id = format!("{}-{}", Timestamp::now().strftime("%Y%m%d%H%M%S"), plan.hash());
        let reserved = self.own.lock().await.lock.take();
        let lock = match reserved {
            Some(lock) => lock,
            None => self.take_lock(who, verb, patience).await?,
        };
        // Only now, under the lock: an operation that another process left unfinished must not be overlooked.
        if let Some(open) = self.history().await?.into_iter().find(|entry| entry.state.is_open()) {
            lock.release().await?;
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
        let first = line_text(&Event { at: self.now(), what: line })?;
        let record = journal_records::create(&self.cluster, &self.workload, &id, first).await?;
        *self.own.lock().await = OwnOperation { lock: Some(lock), record: Some(record) };
        Ok(id)
    }

    async fn take_journal_over(
        &self,
        entry: &Entry,
        who: &str,
        patience: Duration,
        seen: Option<&LeaseFacts>,
    ) -> Result<(), WorldError> {
        let who = lock_identity(who, "resume");
        let lock = OperationLock::take_watched(&self.cluster, &self.workload, &who, patience, seen).await?;
        let records = journal_records::list(&self.cluster, &self.workload).await?;
        let record = records.into_iter().find(|record| record.id == entry.id);
        let record = record.ok_or_else(|| WorldError::Journal(format!("operation {} is gone", entry.id)))?;
        // Its holder may have written more lines between reading the journal and taking the lock.
        let now = read(&record.id, &record.lines).map_err(WorldError::Journal)?;
        if !now.state.is_open() {
            lock.release().await?;
            return Err(WorldError::Journal(format!("operation {} has ended meanwhile", entry.id)));
        }
        *self.own.lock().await = OwnOperation { lock: Some(lock), record: Some(record) };
        Ok(())
    }

    async fn write_line(&self, what: Line) -> Result<(), WorldError> {
        self.write(&Event { at: self.now(), what }).await
    }

    async fn release_lock(&self) -> Result<(), WorldError> {
        let lock = self.own.lock().await.lock.take();
        match lock {
            Some(lock) => Ok(lock.release().await?),
            None => Ok(()),
        }
    }

    pub(super) async fn write(&self, event: &Event) -> Result<(), WorldError> {
        let line = line_text(event)?;
        let mut own = self.own.lock().await;
        let Some(record) = own.record.as_mut() else {
            return Err(WorldError::Journal("no operation is open".to_owned()));
        };
        Ok(journal_records::append(&self.cluster, record, line).await?)
    }
}

impl OperationWorld for Live {
    fn history(&self) -> BoxFuture<'_, Result<Vec<Entry>, WorldError>> {
        Box::pin(Self::history(self))
    }

    fn holder(&self) -> BoxFuture<'_, Result<Option<LockHolder>, WorldError>> {
        Box::pin(Self::holder(self))
    }

    fn reserve<'a>(
        &'a self,
        verb: &'a str,
        who: &'a str,
        node: &'a str,
        patience: Duration,
    ) -> BoxFuture<'a, Result<(), WorldError>> {
        Box::pin(async move {
            let lock = self.take_lock(who, verb, patience).await?;
            lock.announce(LEAVES_NODE, node).await?;
            self.own.lock().await.lock = Some(lock);
            Ok(())
        })
    }

    fn begin<'a>(
        &'a self,
        verb: &'a str,
        who: &'a str,
        plan: &'a Plan,
        patience: Duration,
    ) -> BoxFuture<'a, Result<String, WorldError>> {
        Box::pin(self.open_journal(verb, who, plan, patience))
    }

    fn take_over<'a>(
        &'a self,
        entry: &'a Entry,
        who: &'a str,
        patience: Duration,
        seen: Option<&'a LeaseFacts>,
    ) -> BoxFuture<'a, Result<(), WorldError>> {
        Box::pin(self.take_journal_over(entry, who, patience, seen))
    }

    fn record_rest<'a>(&'a self, who: &'a str, plan: &'a Plan) -> BoxFuture<'a, Result<(), WorldError>> {
        let line = Line::Replanned { by: who.to_owned(), why: "resumed".to_owned(), plan: plan.clone() };
        Box::pin(self.write_line(line))
    }

    fn finish(&self, canary: Option<Ledger>) -> BoxFuture<'_, Result<(), WorldError>> {
        Box::pin(async move {
            self.write_line(Line::Finished { canary }).await?;
            self.release_lock().await
        })
    }

    fn abort<'a>(&'a self, who: &'a str) -> BoxFuture<'a, Result<(), WorldError>> {
        Box::pin(async move {
            self.write_line(Line::Aborted { by: who.to_owned() }).await?;
            self.release_lock().await
        })
    }

    fn release(&self) -> BoxFuture<'_, Result<(), WorldError>> {
        Box::pin(self.release_lock())
    }

    fn undo_preparations(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(self.undo_restart_preparations())
    }

    fn remove_unused(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(self.remove_unused_of_switchovers())
    }

    fn report_to(&self, listener: Option<UnboundedSender<Progress>>) {
        if let Ok(mut progress) = self.progress.lock() {
            *progress = listener;
        }
    }

    fn start_canary(&self) -> Option<RunningCanary> {
        Some(RunningCanary::start(self.engine(), self.endpoints()))
    }
}

fn line_text(event: &Event) -> Result<String, WorldError> {
    serde_json::to_string(event).map_err(|error| WorldError::Journal(error.to_string()))
}

fn lock_identity(who: &str, verb: &str) -> String {
    format!("{who} ({verb}, process {})", std::process::id())
}
