//! What one node of a Redis Cluster says of itself and of the others.

use anyhow::{Context, Result, ensure};

use crate::{Pod, Server};

/// A node's words.
pub(crate) struct View {
    /// Its pod.
    pub(crate) pod: Pod,
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

impl View {
    pub(crate) async fn of(pod: Pod, password: &str) -> Result<Self> {
        let address = pod.address.clone().with_context(|| format!("{} has no address", pod.name))?;
        let mut server = Server::dial(&address, Some(password)).await?;
        Ok(Self {
            nodes: server.ask(&["CLUSTER", "NODES"]).await?,
            state: server.field(&["CLUSTER", "INFO"], "cluster_state").await?,
            replication: server.ask(&["INFO", "replication"]).await?,
            pod,
        })
    }

    /// Its identifier in the cluster.
    pub(crate) fn id(&self) -> Result<&str> {
        Ok(self.myself()?.id)
    }

    /// Whom it follows; `-` where it leads.
    pub(crate) fn leader(&self) -> Result<&str> {
        Ok(self.myself()?.leader)
    }

    /// Whether all is well, and it says of every node what that one says of itself.
    pub(crate) fn agrees_with(&self, others: &[Self]) -> Result<()> {
        ensure!(self.state.as_deref() == Some("ok"), "cluster_state is {:?}", self.state);
        for other in others {
            let truth = other.myself()?;
            let name = &other.pod.name;
            let told = self.lines().find(|line| line.id == truth.id).with_context(|| format!("{name} is not known"))?;
            ensure!(told.connected && !told.flags.contains("fail"), "{name} is {}", told.flags);
            ensure!(told.leader == truth.leader, "{name} follows {}, it says {}", told.leader, truth.leader);
            let address = other.pod.address.as_deref().unwrap_or_default();
            ensure!(told.address == address, "{name} is at {}, not {address}", told.address);
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
        self.lines().find(|line| line.flags.contains("myself")).context("a node knows itself")
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
