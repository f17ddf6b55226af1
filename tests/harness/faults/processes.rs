//! A pod's processes, frozen or killed from outside by the machine that all nodes of the test cluster are on. Works only there.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

/// The processes of one pod.
#[derive(Debug)]
pub struct PodProcesses {
    /// The pod's cgroup of the kernel's freezer.
    group: PathBuf,
}

/// Frozen processes, thawed when this is dropped. The kernel still accepts connections for them, and they answer none.
#[derive(Debug)]
pub struct Frozen(PodProcesses);

impl PodProcesses {
    /// Those of a pod, by its node and its UID.
    pub fn find(node: &str, uid: &str) -> Result<Self> {
        let pods = PathBuf::from(format!("/sys/fs/cgroup/freezer/stateful-{node}/kubepods"));
        let places = [pods.clone(), pods.join("burstable"), pods.join("besteffort")];
        let mut groups = places.into_iter().map(|place| place.join(format!("pod{uid}")));
        let group = groups.find(|group| group.exists()).with_context(|| format!("{node} runs no pod {uid}"))?;
        Ok(Self { group })
    }

    /// Freezes them.
    pub fn freeze(self) -> Result<Frozen> {
        let state = self.group.join("freezer.state");
        let frozen = Frozen(self);
        fs::write(state, "FROZEN")?;
        Ok(frozen)
    }

    /// Kills them at once, except the one that holds the pod's network namespace; kubelet restarts the containers.
    fn kill(&self) -> Result<()> {
        let ids = self.ids()?;
        ensure!(!ids.is_empty(), "nothing runs in {}", self.group.display());
        ensure!(Command::new("kill").arg("-KILL").args(&ids).status()?.success(), "{ids:?} could not be killed");
        Ok(())
    }

    fn ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for container in fs::read_dir(&self.group)? {
            let container = container?.path();
            if container.is_dir() {
                let list = fs::read_to_string(container.join("cgroup.procs"))?;
                ids.extend(list.lines().filter(|id| !holds_the_network(id)).map(ToOwned::to_owned));
            }
        }
        Ok(ids)
    }
}

impl Frozen {
    /// Lets them run for a moment and freezes them again.
    pub async fn run_for(&self, moment: Duration) -> Result<()> {
        let state = self.0.group.join("freezer.state");
        fs::write(&state, "THAWED")?;
        sleep(moment).await;
        Ok(fs::write(state, "FROZEN")?)
    }

    /// Kills them as they are: they execute not one more instruction.
    pub fn kill(self) -> Result<()> {
        self.0.kill()
    }
}

fn holds_the_network(id: &str) -> bool {
    fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|name| name.trim() == "pause")
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // Fails where the pod is gone, and its processes with it.
        drop(fs::write(self.0.group.join("freezer.state"), "THAWED"));
    }
}
