//! What one node of a Redis Cluster reports of itself and of the other nodes.

use anyhow::{Context, Result, ensure};

use super::{PORT, Server};
use crate::{Namespace, Pod};

/// A node's answers.
pub(super) struct NodeView {
    /// Its pod.
    pub(super) pod: Pod,
    nodes: String,
    state: Option<String>,
    replication: String,
}

/// A line of `CLUSTER NODES`: `<id> <address>@<bus> <flags> <leader> …`.
struct Line<'a> {
    id: &'a str,
    address: &'a str,
    flags: &'a str,
    leader: &'a str,
    connected: bool,
}

impl NodeView {
    pub(super) async fn read(namespace: &Namespace, pod: Pod, password: &str) -> Result<Self> {
        let mut server = Server::connect(namespace.reach(&pod, PORT).await?, Some(password)).await?;
        Ok(Self {
            nodes: server.ask(&["CLUSTER", "NODES"]).await?,
            state: server.field(&["CLUSTER", "INFO"], "cluster_state").await?,
            replication: server.ask(&["INFO", "replication"]).await?,
            pod,
        })
    }

    /// Its identifier in the cluster.
    pub(super) fn id(&self) -> Result<&str> {
        Ok(self.myself()?.id)
    }

    /// The identifier of its master; `-` if it is one itself.
    pub(super) fn leader(&self) -> Result<&str> {
        Ok(self.myself()?.leader)
    }

    /// Fails unless it sees a whole cluster, and sees every node as that node reports itself.
    pub(super) fn agrees_with(&self, others: &[Self]) -> Result<()> {
        ensure!(self.state.as_deref() == Some("ok"), "cluster_state is {:?}", self.state);
        for other in others {
            let truth = other.myself()?;
            let name = &other.pod.name;
            let seen = self.lines().find(|line| line.id == truth.id).with_context(|| format!("{name} is not known"))?;
            ensure!(seen.connected && !seen.flags.contains("fail"), "{name} is {}", seen.flags);
            ensure!(seen.leader == truth.leader, "{name} follows {}, by its own report {}", seen.leader, truth.leader);
            let address = other.pod.address.as_deref().unwrap_or_default();
            ensure!(seen.address == address, "{name} is at {}, not {address}", seen.address);
        }
        self.is_in_sync()
    }

    fn is_in_sync(&self) -> Result<()> {
        if self.leader()? == "-" {
            let replica = self.replication("slave0");
            ensure!(replica.is_some_and(|line| line.contains("state=online")), "its replica is {replica:?}");
        } else {
            let link = self.replication("master_link_status");
            ensure!(link == Some("up"), "the link to its master is {link:?}");
        }
        Ok(())
    }

    fn replication(&self, name: &str) -> Option<&str> {
        self.replication.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim_end))
    }

    fn myself(&self) -> Result<Line<'_>> {
        self.lines().find(|line| line.flags.contains("myself")).context("its list does not contain itself")
    }

    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.nodes.lines().filter_map(|line| {
            let mut words = line.split(' ');
            Some(Line {
                id: words.next()?,
                address: words.next()?.split(':').next()?,
                flags: words.next()?,
                leader: words.next()?,
                connected: line.contains(" connected"),
            })
        })
    }
}
