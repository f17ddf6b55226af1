//! What a server answered, word for word. Answers recorded from real servers test the interpretation.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stateful_safety::StartScripts;

use super::lsn::Lsn;

/// One row of an answer: the text of each column, none where it is NULL.
pub type TextRow = BTreeMap<String, Option<String>>;

/// One member and its answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberAnswers {
    /// The member's name.
    pub member: String,
    /// The address its peers should know it by, where known.
    pub address: Option<String>,
    /// Paths on its file system that outlive its pod.
    #[serde(default)]
    pub kept: Vec<String>,
    /// What runs each time it starts; no answer of the server's.
    #[serde(skip)]
    pub starts: Arc<StartScripts>,
    /// Its answers, or why it gave none.
    pub answer: Result<Answers, String>,
}

/// A server's answers to the questions `observe` asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// Its role, its positions, its identity, and the settings that change a verdict.
    pub server: TextRow,
    /// `pg_stat_replication`: which servers receive its log, and when each last answered.
    pub replication: Vec<TextRow>,
    /// `pg_stat_wal_receiver`: from which server it receives, and under which name; without its connection string.
    pub receiver: Vec<TextRow>,
    /// `pg_replication_slots`.
    pub slots: Vec<TextRow>,
    /// Transactions open for longer than three seconds.
    pub transactions: Vec<TextRow>,
    /// `pg_prepared_xacts`: transactions prepared for a commit in two phases.
    pub prepared: Vec<TextRow>,
    /// `pg_stat_progress_basebackup`.
    pub backups: Vec<TextRow>,
    /// `pg_stat_archiver`.
    pub archiver: Vec<TextRow>,
}

impl Answers {
    /// One column about the server itself.
    pub fn field(&self, name: &str) -> Option<&str> {
        text(&self.server, name)
    }

    /// Whether it replays a log instead of taking writes; none if it did not answer that.
    pub fn in_recovery(&self) -> Option<bool> {
        match self.field("in_recovery") {
            Some("t") => Some(true),
            Some("f") => Some(false),
            _ => None,
        }
    }

    /// The name under which a standby registers at its primary: in what it connects with, else its `cluster_name`
    /// (manual, "Replication Standby Server Settings"). A server that is no standby has the second alone.
    pub fn application_name(&self) -> Option<String> {
        let named = self.receiver.first().and_then(|row| text(row, "application_name")).map(ToOwned::to_owned);
        // The client library's default, where no name is set.
        let named = named.filter(|name| name != "walreceiver");
        named.or_else(|| self.field("cluster_name").map(ToOwned::to_owned)).filter(|name| !name.is_empty())
    }

    /// One position about the server itself.
    pub(super) fn position(&self, name: &str) -> Option<Lsn> {
        Lsn::parse(self.field(name)?)
    }
}

/// One column of a row, unless it is NULL or not there (older servers have fewer).
pub(super) fn text<'a>(row: &'a TextRow, name: &str) -> Option<&'a str> {
    row.get(name)?.as_deref()
}
