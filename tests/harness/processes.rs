//! A pod's processes, as the machine sees them that all nodes of the test cluster are on: what falls silent, or dies
//! without a word, is done to them from outside. Works on the test cluster alone.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

/// The processes of one pod.
#[derive(Debug)]
pub struct Processes {
    /// The pod's group in the kernel's freezer.
    group: PathBuf,
}

/// Processes that stand still until this is dropped: the kernel goes on taking connections for them, and nobody answers.
#[derive(Debug)]
pub struct Frozen(Processes);

impl Processes {
    /// Those of a pod, by its node and its UID.
    pub fn of(node: &str, uid: &str) -> Result<Self> {
        let pods = PathBuf::from(format!("/sys/fs/cgroup/freezer/stateful-{node}/kubepods"));
        let places = [pods.clone(), pods.join("burstable"), pods.join("besteffort")];
        let mut groups = places.into_iter().map(|place| place.join(format!("pod{uid}")));
        let group = groups.find(|group| group.exists()).with_context(|| format!("{node} runs no pod {uid}"))?;
        Ok(Self { group })
    }

    /// Has them stand still.
    pub fn freeze(self) -> Result<Frozen> {
        let state = self.group.join("freezer.state");
        let frozen = Frozen(self);
        fs::write(state, "FROZEN")?;
        Ok(frozen)
    }

    /// Ends them at once, all but the one that holds the pod's network: kubelet starts its containers again.
    fn kill(&self) -> Result<()> {
        let ids = self.ids()?;
        ensure!(!ids.is_empty(), "nothing runs in {}", self.group.display());
        ensure!(Command::new("kill").arg("-KILL").args(&ids).status()?.success(), "{ids:?} could not be ended");
        Ok(())
    }

    fn ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for container in fs::read_dir(&self.group)? {
            let container = container?.path();
            if container.is_dir() {
                let told = fs::read_to_string(container.join("cgroup.procs"))?;
                ids.extend(told.lines().filter(|id| !holds_the_network(id)).map(ToOwned::to_owned));
            }
        }
        Ok(ids)
    }
}

impl Frozen {
    /// Lets them run for a moment. What takes longer elsewhere is over before they run again.
    pub async fn run_for(&self, moment: Duration) -> Result<()> {
        let state = self.0.group.join("freezer.state");
        fs::write(&state, "THAWED")?;
        sleep(moment).await;
        Ok(fs::write(state, "FROZEN")?)
    }

    /// Ends them as they stand: not one instruction more is carried out.
    pub fn kill(self) -> Result<()> {
        self.0.kill()
    }
}

fn holds_the_network(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "pause")
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // A pod that is gone stands still no more.
        drop(fs::write(self.0.group.join("freezer.state"), "THAWED"));
    }
}
