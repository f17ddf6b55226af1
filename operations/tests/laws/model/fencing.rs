//! An engine that stops the old primary before the new one leads, as PostgreSQL's is: a process that dies between the two
//! leaves a group without a primary, and the engine can be asked to finish what was begun.

use std::time::Duration;

use stateful_engines::SwitchoverError;
use stateful_engines::{couchdb, postgres, redis};
use stateful_operations::WorldError;
use stateful_safety::{EngineProfile, Millis, SyncReplication};

use super::{Inside, Life, Model};

/// Two minors of one release.
pub(crate) const MINOR: &str = "example/redis:15.18";
pub(crate) const NEWER_MINOR: &str = "example/redis:15.20";

/// How long a server that was stopped, or crashed, needs until it answers again.
const RESTARTING: Millis = 800;

impl Model {
    /// One group of a primary and two replicas of an engine that fences, behind a Service.
    pub(crate) fn fencing() -> Self {
        Self::fencing_group(2)
    }

    /// The same with commits that wait for no standby.
    pub(crate) fn asynchronous(replicas: usize) -> Self {
        Self::fencing_group(replicas).with(|inside| inside.synchrony = SyncReplication::Asynchronous)
    }

    /// The same without a replica.
    pub(crate) fn fencing_alone() -> Self {
        Self::fencing_group(0)
    }

    fn fencing_group(replicas: usize) -> Self {
        Self::cluster(1, replicas).with(|inside| {
            inside.fences = true;
            inside.routed = Some(format!("redis-{replicas}"));
            MINOR.clone_into(&mut inside.image);
            let revision = inside.revision();
            for pod in &mut inside.pods {
                MINOR.clone_into(&mut pod.image);
                pod.revision.clone_from(&revision);
            }
        })
    }
}

impl Inside {
    pub(crate) fn engine(&self) -> &'static EngineProfile {
        match (self.fences, self.quorum.is_some()) {
            (true, _) => &postgres::PROFILE,
            (false, true) => &couchdb::PROFILE,
            (false, false) => &redis::PROFILE,
        }
    }

    /// Whether no member of a group answers that it is the primary.
    pub(super) fn lacks_primary(&self, group: usize) -> bool {
        !self.pods.iter().any(|pod| pod.group == group && pod.leads && pod.life == Life::Running)
    }

    /// The primary's server crashes. It comes back as it was.
    pub(crate) fn crash(&mut self, group: usize) {
        self.restart(|pod| pod.group == group && pod.leads);
    }

    pub(super) fn switch_over_by_fence(&mut self, from: usize, to: usize) -> Result<Duration, WorldError> {
        let left_in_the_pause = std::mem::take(&mut self.left_in_the_pause);
        if self.pods[to].leads && self.pods[to].life == Life::Running {
            return Ok(Duration::ZERO);
        }
        if self.lacks_primary(self.pods[from].group) {
            self.watch_finishing(from, to);
            if [from, to].iter().any(|index| self.pods[*index].life != Life::Running) {
                return Err(self.unknown(to, "the other one does not answer"));
            }
        } else {
            self.may_switch_over(from, to)?;
            self.pods[from].leads = false;
            self.restart(|pod| pod.ordinal == from);
            self.paused = Some((from, to));
        }
        if left_in_the_pause {
            return Err(self.unknown(to, "the connection broke"));
        }
        self.paused = None;
        if self.trouble.given_back > 0 {
            self.trouble.given_back -= 1;
            self.pods[from].leads = true;
            let name = |index: usize| self.pods[index].name.clone();
            let (from, to, waited) = (name(from), name(to), Duration::from_millis(900));
            return Err(SwitchoverError::NotMoved { from, to, waited }.into());
        }
        self.promote(to);
        Ok(Duration::from_millis(120))
    }

    fn unknown(&self, to: usize, why: &str) -> WorldError {
        SwitchoverError::Unknown { to: self.pods[to].name.clone(), why: why.to_owned() }.into()
    }

    fn restart(&mut self, which: impl Fn(&super::Pod) -> bool) {
        let until = self.now + RESTARTING;
        for pod in self.pods.iter_mut().filter(|pod| which(pod) && pod.life == Life::Running) {
            pod.life = Life::Starting { until };
        }
    }
}
