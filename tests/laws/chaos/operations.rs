//! What is asked of the plugin in the storm.

use anyhow::{Context as _, Result};
use rand::Rng;
use rand::seq::IndexedRandom;

use super::databases::Stormy;

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// A replica becomes primary.
    Switchover,
    /// Every member is restarted.
    Restart,
    /// The node of a member is drained.
    Drain,
}

const ALL: [Operation; 3] = [Operation::Switchover, Operation::Restart, Operation::Drain];

/// A request with its names filled in.
pub(super) struct Request {
    pub(super) operation: Operation,
    /// The words to type.
    pub(super) words: Vec<String>,
    /// The node that is cordoned by it.
    pub(super) node: Option<String>,
}

impl Operation {
    pub(super) fn choose(random: &mut impl Rng) -> Self {
        ALL.choose(random).copied().unwrap_or(Self::Switchover)
    }

    /// Fills in the names, as the database is now.
    pub(super) async fn fill<D: Stormy>(self, database: &D, random: &mut impl Rng) -> Result<Request> {
        let primaries = database.primaries_now().await?;
        let pods = database.pods().await?;
        let mut node = None;
        let words = match self {
            Self::Switchover => {
                let replicas = pods.iter().filter(|pod| !primaries.contains(&pod.name));
                let replicas: Vec<_> = replicas.collect();
                let to = replicas.choose(random).context("there is no replica")?;
                vec!["switchover", D::TARGET, "--to", &to.name]
            }
            Self::Restart => vec!["upgrade", D::TARGET, "--restart"],
            Self::Drain => {
                let pod = pods.choose(random).context("there is no member")?;
                node.clone_from(&pod.node);
                let node = pod.node.as_deref().context("it has no node")?;
                vec!["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force"]
            }
        };
        let words = words.into_iter().chain(["-y", "--step-timeout", "60s"]).map(ToOwned::to_owned).collect();
        Ok(Request { operation: self, words, node })
    }
}
