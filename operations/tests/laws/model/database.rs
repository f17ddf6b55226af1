//! Pods and the copies of the data in them.

use stateful_safety::{Millis, Version};

use super::{Inside, OLD};

/// How long a pod takes to end, to be made anew, to be ready, to have the data, and to be known to the others.
const ENDING: Millis = 400;
const ABSENT: Millis = 300;
const STARTING: Millis = 600;
const COPYING: Millis = 500;
const SPREADING: Millis = 250;

/// After a failover the old primary needs this long until it streams from the new one.
const FOLLOWING: Millis = 400;

/// One pod, for ever under its name; what it is made of changes.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) ordinal: usize,
    pub(crate) group: usize,
    pub(crate) uid: String,
    pub(crate) node: String,
    pub(crate) image: String,
    pub(crate) revision: String,
    pub(crate) life: Life,
    pub(crate) leads: bool,
    /// Until when it copies from its primary.
    pub(crate) behind_until: Millis,
    /// Until when others look for it at its old address.
    pub(crate) unknown_until: Millis,
}

/// Where a pod is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Life {
    Running,
    Terminating { until: Millis },
    Absent { until: Millis },
    Starting { until: Millis },
    Stuck(&'static str),
}

impl Pod {
    /// The pod of that ordinal at the beginning of the world. In even groups the last copy leads, in odd ones the first.
    pub(super) fn first(ordinal: usize, groups: usize, replicas: usize, nodes: &[String]) -> Self {
        let (group, copy) = (ordinal % groups, ordinal / groups);
        Self {
            name: format!("redis-{ordinal}"),
            ordinal,
            group,
            uid: format!("first-{ordinal}"),
            node: nodes[(group + copy) % nodes.len()].clone(),
            image: OLD.to_owned(),
            revision: super::controller::revision(OLD, None),
            life: Life::Running,
            leads: copy == if group.is_multiple_of(2) { replicas } else { 0 },
            behind_until: 0,
            unknown_until: 0,
        }
    }

    /// One more of a single group: not there yet.
    pub(super) fn added(ordinal: usize, nodes: &[String], now: Millis) -> Self {
        let pod = Self::first(ordinal, 1, usize::MAX, nodes);
        Self { life: Life::Absent { until: now + ABSENT }, ..pod }
    }

    pub(super) fn version(&self) -> Option<Version> {
        Version::of_image(&self.image)
    }
}

impl Inside {
    /// Whether a pod serves and has what its primary has.
    pub(crate) fn is_well(&self, pod: &Pod) -> bool {
        pod.life == Life::Running && pod.behind_until <= self.now
    }

    /// Lets time pass, in steps small enough that nothing is jumped over.
    pub(crate) fn advance(&mut self, millis: Millis) {
        const TICK: Millis = 50;
        let until = self.now + millis;
        while self.now < until {
            self.now = until.min(self.now + TICK);
            for index in 0..self.pods.len() {
                self.live(index);
            }
            // A member that is not declared any more does not come back. It has the highest ordinal, so no other index changes.
            let (declared, gone) = (self.replicas, |pod: &Pod| matches!(pod.life, Life::Absent { .. }));
            self.pods.retain(|pod| pod.ordinal < declared || !gone(pod));
            self.control();
        }
    }

    /// Takes a pod away, for the operation or for another client.
    pub(crate) fn end(&mut self, index: usize, who: &str) {
        self.watch_end(index, who);
        let until = self.now + ENDING;
        self.pods[index].life = Life::Terminating { until };
    }

    /// The next thing in a pod's life, if it is time.
    fn live(&mut self, index: usize) {
        let now = self.now;
        match self.pods[index].life.clone() {
            Life::Terminating { until } if until <= now => {
                self.pods[index].life = Life::Absent { until: now + ABSENT };
                if self.pods[index].leads {
                    self.fail_over(self.pods[index].group);
                }
            }
            Life::Absent { until } if until <= now => self.give_birth(index),
            Life::Starting { until } if until <= now => {
                let pod = &mut self.pods[index];
                pod.life = Life::Running;
                pod.behind_until = now + COPYING;
                pod.unknown_until = now + SPREADING;
            }
            Life::Terminating { .. } | Life::Absent { .. } | Life::Starting { .. } | Life::Running | Life::Stuck(_) => {
            }
        }
    }

    fn give_birth(&mut self, index: usize) {
        self.born += 1;
        let (image, revision) = self.template_for(&self.pods[index]);
        let node = self.node_for(&self.pods[index]);
        let lost = self.trouble.never_returns.as_ref() == Some(&self.pods[index].name);
        let bad = self.trouble.bad_image.as_ref() == Some(&image);
        let life = match (bad, lost) {
            (true, _) => Life::Stuck("ImagePullBackOff"),
            (false, true) => Life::Starting { until: Millis::MAX },
            (false, false) => Life::Starting { until: self.now + STARTING },
        };
        let uid = format!("born-{}", self.born);
        let pod = &mut self.pods[index];
        (pod.uid, pod.image, pod.revision, pod.node, pod.life) = (uid, image, revision, node, life);
    }

    /// Its old node, unless that is cordoned: then the one with the fewest copies of its group.
    fn node_for(&self, pod: &Pod) -> String {
        let cordoned = |node: &&String| Some(*node) == self.cordoned.as_ref();
        if !cordoned(&&pod.node) {
            return pod.node.clone();
        }
        let copies = |node: &String| self.pods.iter().filter(|p| p.group == pod.group && &p.node == node).count();
        let open = self.nodes.iter().filter(|node| !cordoned(node));
        open.min_by_key(|node| copies(node)).unwrap_or(&pod.node).clone()
    }

    /// Another member leads a group: the first that can. The old primary, if it lives, follows it.
    pub(crate) fn fail_over(&mut self, group: usize) -> bool {
        let heir = self.pods.iter().position(|pod| pod.group == group && !pod.leads && self.is_well(pod));
        match heir.filter(|_| self.quorum.is_none()) {
            None => false,
            Some(heir) => {
                self.promote(heir);
                true
            }
        }
    }

    /// Makes a member the one that leads its group.
    pub(crate) fn promote(&mut self, heir: usize) {
        let group = self.pods[heir].group;
        let following = self.now + FOLLOWING;
        for pod in self.pods.iter_mut().filter(|pod| pod.group == group && pod.leads) {
            pod.leads = false;
            pod.behind_until = following;
        }
        self.pods[heir].leads = true;
        self.pods[heir].behind_until = 0;
    }
}
