//! The StatefulSet controller: makes pods from the template, and under `RollingUpdate` replaces outdated ones by ordinal,
//! whatever their role. That is what an operation must keep it from doing.

use stateful_safety::{Millis, Rollout};

use super::{Inside, Life, OLD, Pod};

/// How long the controller needs to see a new template.
pub(super) const SEEING: Millis = 300;

/// The hash of a template.
pub(crate) fn revision(image: &str, restarted_at: Option<&str>) -> String {
    format!("redis-{image}-{}", restarted_at.unwrap_or("0"))
}

impl Inside {
    /// The revision of the template as it stands.
    pub(crate) fn revision(&self) -> String {
        revision(&self.image, self.restarted_at.as_deref())
    }

    /// Whether the controller has seen the newest template.
    pub(crate) fn has_seen(&self) -> bool {
        self.observed_at <= self.now
    }

    /// Image and revision a pod is made from: under a partition those below it come back old.
    pub(super) fn template_for(&self, pod: &Pod) -> (String, String) {
        let kept_old = match self.rollout {
            Rollout::OnDelete | Rollout::Other { .. } => false,
            Rollout::RollingUpdate { partition, .. } => {
                usize::try_from(partition).is_ok_and(|below| pod.ordinal < below)
            }
        };
        if kept_old { (OLD.to_owned(), revision(OLD, None)) } else { (self.image.clone(), self.revision()) }
    }

    /// Another number of members is declared: the controller makes one more, or takes the last.
    pub(crate) fn scale(&mut self, replicas: usize, who: &str) {
        while self.pods.len() < replicas {
            let pod = Pod::added(self.pods.len(), &self.nodes, self.now);
            self.pods.push(pod);
        }
        if replicas < self.replicas {
            let last = self.pods.len() - 1;
            self.end(last, who);
        }
        self.replicas = replicas;
    }

    /// One round of the controller.
    pub(super) fn control(&mut self) {
        let Rollout::RollingUpdate { partition, .. } = self.rollout else { return };
        if !self.has_seen() || self.pods.iter().any(|pod| pod.life != Life::Running) {
            return;
        }
        let current = self.revision();
        let from = usize::try_from(partition).unwrap_or(0);
        if let Some(index) = self.pods.iter().rposition(|pod| pod.ordinal >= from && pod.revision != current) {
            self.end(index, "the StatefulSet controller");
        }
    }
}
