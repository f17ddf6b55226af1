//! What a server answered, word for word. Answers recorded from real servers test the interpretation.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stateful_safety::StartScripts;

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
    /// `INFO`, the default sections.
    pub info: String,
    /// `CLUSTER INFO`, when cluster mode is on.
    pub cluster_info: Option<String>,
    /// `CLUSTER NODES`, when cluster mode is on.
    pub cluster_nodes: Option<String>,
    /// `CONFIG GET` of the settings that matter; empty where the server does not allow it.
    pub config: BTreeMap<String, String>,
    /// `CLIENT LIST TYPE pubsub` when cluster mode is off: Sentinels hold such a connection to each server they watch.
    pub subscribers: Option<String>,
}

impl Answers {
    /// One field of `INFO`.
    pub fn field(&self, name: &str) -> Option<&str> {
        field(&self.info, name)
    }

    /// One field of `INFO`, as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.field(name)?.parse().ok()
    }

    /// One field of `CLUSTER INFO`.
    pub fn cluster_field(&self, name: &str) -> Option<&str> {
        field(self.cluster_info.as_deref()?, name)
    }

    /// Whether cluster mode is on.
    pub fn is_cluster(&self) -> bool {
        self.field("cluster_enabled") == Some("1")
    }

    /// Addresses of the Sentinels watching this server, without their ports.
    pub fn sentinels(&self) -> Vec<String> {
        self.subscribers
            .as_deref()
            .unwrap_or_default()
            .lines()
            .filter(|line| line.contains(" name=sentinel-"))
            .filter_map(|line| line.split(' ').find_map(|part| part.strip_prefix("addr=")))
            .filter_map(|address| address.rsplit_once(':'))
            // An IPv6 address is in brackets (`anetFormatAddr`), and without them everywhere else.
            .map(|(host, _)| host.trim_start_matches('[').trim_end_matches(']').to_owned())
            .collect()
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_end)
}
