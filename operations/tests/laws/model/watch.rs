//! What may never happen, checked at every change and for every pod that goes, whatever causes it.

use stateful_operations::Action;
use stateful_operations::journal::Line;
use stateful_safety::{Policy, SyncReplication};

use super::Inside;

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch {
    /// Every law broken, in words.
    pub(crate) broken: Vec<String>,
    /// Acts, in order, in words.
    pub(crate) acts: Vec<String>,
    /// The call that took the last pod away.
    pub(crate) last_eviction: usize,
    /// Acts that took a member away or moved the role while commits waited for no standby, and could have waited.
    pub(crate) unguarded: Vec<String>,
    acts_since_look: u32,
    announced: u32,
}

impl Watch {
    pub(super) fn looked(&mut self) {
        self.acts_since_look = 0;
    }

    /// A process that resumes an operation has announced nothing yet.
    pub(super) fn taken_up(&mut self) {
        self.announced = 0;
    }

    pub(super) fn recorded(&mut self, line: &Line) {
        self.announced = match line {
            Line::Acting { .. } => 1,
            Line::Opened { .. }
            | Line::Replanned { .. }
            | Line::Done { .. }
            | Line::Stopped { .. }
            | Line::Finished { .. }
            | Line::Aborted { .. } => 0,
        };
    }
}

impl Inside {
    /// The laws of acting itself.
    pub(super) fn watch_act(&mut self, action: &Action) {
        let text = format!("{action:?}");
        if self.watch.announced == 0 {
            self.breaks(&format!("not in the journal before it was done: {text}"));
        }
        if self.watch.acts_since_look > 0 {
            self.breaks(&format!("the second act on one look: {text}"));
        }
        if self.stop {
            self.breaks(&format!("done although it was asked to stop: {text}"));
        }
        if let Action::Evict { .. } | Action::RemoveMember { .. } = action {
            self.watch.last_eviction = self.calls;
        }
        if let Action::Evict { .. } | Action::RemoveMember { .. } | Action::SwitchOver { .. } = action
            && self.synchrony == SyncReplication::Asynchronous
        {
            self.watch.unguarded.push(text.clone());
        }
        self.watch.announced = 0;
        self.watch.acts_since_look += 1;
        self.watch.acts.push(text);
    }

    /// The laws of taking a pod away.
    pub(super) fn watch_end(&mut self, index: usize, who: &str) {
        let pod = &self.pods[index];
        let mut broken = Vec::new();
        if pod.leads {
            broken.push(format!("{who} took {}, which leads its group", pod.name));
        }
        // Stricter than a group: one member at a time in the whole database.
        let others = self.pods.iter().filter(|other| other.name != pod.name && !self.is_well(other));
        broken.extend(others.map(|other| format!("{who} took {} while {} was not well", pod.name, other.name)));
        for law in broken {
            self.breaks(&law);
        }
    }

    /// The law of scaling: by one, from what is declared.
    pub(super) fn watch_scaling(&mut self, larger: usize, expected: usize) {
        if larger != expected {
            let declared = self.replicas;
            self.breaks(&format!("{declared} are declared, and the larger number was thought to be {larger}"));
        }
    }

    /// The laws of making another member lead.
    pub(super) fn watch_switchover(&mut self, from: usize, to: usize) {
        let (old, new) = (&self.pods[from], &self.pods[to]);
        let mut broken = Vec::new();
        if self.lag_of(new) > Policy::default().max_lag_bytes {
            broken.push(format!("{} was handed the lead while {} bytes behind", new.name, self.lag_of(new)));
        }
        if let (Some(old), Some(newer)) = (old.version(), new.version())
            && newer.is_older_release_than(&old, self.engine())
        {
            broken.push(format!("{} is older than what it was to follow", new.name));
        }
        let others = self.pods.iter().filter(|pod| !self.is_well(pod));
        broken.extend(others.map(|other| format!("a switchover while {} was not well", other.name)));
        for law in broken {
            self.breaks(&law);
        }
    }

    /// The law of finishing: only what was begun, and between the same two.
    pub(super) fn watch_finishing(&mut self, from: usize, to: usize) {
        if self.paused != Some((from, to)) {
            let (from, to) = (self.pods[from].name.clone(), self.pods[to].name.clone());
            self.breaks(&format!(
                "there was no primary, and a switchover from {from} to {to} was asked for that had not been begun"
            ));
        }
    }

    pub(super) fn breaks(&mut self, law: &str) {
        let law = format!("at {} ms: {law}", self.now - 1_000_000);
        self.watch.broken.push(law);
    }
}
