//! A small world: pods, a StatefulSet controller, a Redis Cluster, an API server; and a script of what goes wrong.

mod controller;
mod database;
mod fencing;
mod snapshot;
mod watch;
mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};

use stateful_engines::mongodb::Sharding;
use stateful_operations::journal::{self, Event, Line, State};
use stateful_operations::{Goal, Snapshot, What};
use stateful_safety::{MaxUnavailable, Millis, Rollout, SyncReplication, Version};

pub(crate) use database::{Life, Pod};
pub(crate) use fencing::NEWER_MINOR;
pub(crate) use watch::Watch;
pub(crate) use world::Fault;

/// The image everything begins with, and the newer one.
pub(crate) const OLD: &str = "example/redis:7.0";
pub(crate) const NEW: &str = "example/redis:8.0";

/// The model, behind a lock because the port asks for it; nothing here runs beside anything else.
pub(crate) struct Model(Mutex<Inside>);

/// Everything there is in the world.
#[derive(Clone)]
pub(crate) struct Inside {
    pub(crate) now: Millis,
    pub(crate) pods: Vec<Pod>,
    /// How many are declared.
    pub(crate) replicas: usize,
    pub(crate) groups: usize,
    pub(crate) nodes: Vec<String>,
    pub(crate) cordoned: Option<String>,
    pub(crate) rollout: Rollout,
    /// How many members in sync a write of a group waits for.
    pub(crate) write_quorum: usize,
    /// The member a Service leads writers to, where there is such a Service.
    pub(crate) routed: Option<String>,
    /// The member that the database's own configuration wants to lead, where it wants one more than others.
    pub(crate) preferred: Option<String>,
    /// Whether its engine stops the old primary before the new one leads.
    pub(crate) fences: bool,
    /// Whom commits wait for, where an operation may change that.
    pub(crate) synchrony: SyncReplication,
    /// How many copies a write needs, where its members are peers without a primary.
    pub(crate) quorum: Option<usize>,
    /// A switchover in its pause: between whom.
    pub(crate) paused: Option<(usize, usize)>,
    /// Whether the next switchover is left in its pause.
    pub(crate) left_in_the_pause: bool,
    pub(crate) image: String,
    /// The release whose features the data uses, where its engine keeps that apart.
    pub(crate) features: Option<Version>,
    /// What it is of a sharded cluster.
    pub(crate) sharding: Option<Sharding>,
    pub(crate) restarted_at: Option<String>,
    /// When the controller will have seen the newest template.
    pub(crate) observed_at: Millis,
    pub(crate) born: usize,
    pub(crate) trouble: Trouble,
    /// What goes wrong at which call.
    pub(crate) script: Vec<(usize, Fault)>,
    pub(crate) calls: usize,
    /// Which of the calls were looks.
    pub(crate) snapshots: Vec<usize>,
    pub(crate) unreachable_until: Millis,
    pub(crate) stop: bool,
    pub(crate) journal: Vec<String>,
    pub(crate) state: Option<State>,
    pub(crate) watch: Watch,
    pub(crate) reported: Vec<What>,
}

/// What is the matter for longer than one call.
#[derive(Clone, Default)]
pub(crate) struct Trouble {
    /// A pod of that name, once gone, is never ready again.
    pub(crate) never_returns: Option<String>,
    /// An image that cannot be pulled.
    pub(crate) bad_image: Option<String>,
    /// How many switchovers the engine still refuses.
    pub(crate) refused_switchovers: u32,
    /// How many switchovers still end with the old primary leading on.
    pub(crate) given_back: u32,
    /// Until when a budget refuses every eviction.
    pub(crate) budget_until: Millis,
    /// A group whose primary fails over at every look.
    pub(crate) flapping: Option<usize>,
    /// Whether the sharded cluster it is a part of balances itself once a member was taken.
    pub(crate) balances_after_eviction: bool,
    /// A replica that is so far behind until then.
    pub(crate) lag: Option<(String, u64, Millis)>,
}

impl Model {
    /// So many groups of a primary and so many replicas, on three nodes, copies apart, primaries where ordinals do not
    /// expect them.
    pub(crate) fn cluster(groups: usize, replicas: usize) -> Self {
        let nodes: Vec<String> = (1..=3).map(|node| format!("node{node}")).collect();
        let pods: Vec<Pod> =
            (0..groups * (replicas + 1)).map(|ordinal| Pod::first(ordinal, groups, replicas, &nodes)).collect();
        Self(Mutex::new(Inside {
            now: 1_000_000,
            replicas: pods.len(),
            pods,
            groups,
            nodes,
            cordoned: None,
            // As a user may have set it: the whole of it is there again at the end.
            rollout: Rollout::RollingUpdate { partition: 0, max_unavailable: Some(MaxUnavailable::Members(2)) },
            write_quorum: 1,
            routed: None,
            preferred: None,
            fences: false,
            synchrony: SyncReplication::Declared,
            quorum: None,
            paused: None,
            left_in_the_pause: false,
            image: OLD.to_owned(),
            features: None,
            sharding: None,
            restarted_at: None,
            observed_at: 0,
            born: 0,
            trouble: Trouble::default(),
            script: Vec::new(),
            calls: 0,
            snapshots: Vec::new(),
            unreachable_until: 0,
            stop: false,
            journal: Vec::new(),
            state: None,
            watch: Watch::default(),
            reported: Vec::new(),
        }))
    }

    /// So many peers that all hold the same shards and have no primary.
    pub(crate) fn equals(members: usize) -> Self {
        Self::cluster(1, members - 1).with(|inside| {
            inside.quorum = Some(members / 2 + 1);
            for pod in &mut inside.pods {
                pod.leads = false;
            }
        })
    }

    /// Changes the world before it begins to turn.
    pub(crate) fn with(self, change: impl FnOnce(&mut Inside)) -> Self {
        change(&mut self.inside());
        self
    }

    /// The same world once more.
    pub(crate) fn copy(&self) -> Self {
        Self(Mutex::new(self.inside().clone()))
    }

    /// The same world, with that going wrong at that call.
    pub(crate) fn scripted(&self, call: usize, fault: Fault) -> Self {
        self.copy().with(|inside| inside.script.push((call, fault)))
    }

    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A snapshot that is not counted as a call.
    pub(crate) fn peek(&self) -> Snapshot {
        self.inside().snapshot()
    }

    /// Lets time pass while no operation runs.
    pub(crate) fn sleep(&self, millis: Millis) {
        self.inside().advance(millis);
    }

    /// What went wrong is over, and there is no request to stop: the operation can be resumed. A new script counts its
    /// calls from here.
    pub(crate) fn heal(&self, script: &[(usize, Fault)]) {
        let mut inside = self.inside();
        inside.script = script.iter().map(|(call, fault)| (inside.calls + call, *fault)).collect();
        inside.unreachable_until = 0;
        inside.stop = false;
        inside.watch.taken_up();
    }

    /// A line of the journal, kept.
    pub(crate) fn write(&self, line: Line) {
        let mut inside = self.inside();
        let event = Event { at: inside.now, what: line };
        inside.keep(&event);
    }

    /// The operation, as its journal tells it.
    pub(crate) fn entry(&self) -> journal::Entry {
        journal::read("one", &self.inside().journal).expect("a journal is always readable")
    }

    /// Every law that was broken while it ran.
    pub(crate) fn broken(&self) -> Vec<String> {
        self.inside().watch.broken.clone()
    }

    /// Who leads, by group.
    pub(crate) fn primaries(&self) -> Vec<String> {
        let inside = self.inside();
        inside.pods.iter().filter(|pod| pod.leads).map(|pod| pod.name.clone()).collect()
    }

    /// What is still missing to a goal; nothing when it is reached.
    pub(crate) fn missing(&self, goal: &Goal, before: &Before) -> Vec<String> {
        let inside = self.inside();
        let mut missing: Vec<String> = inside
            .pods
            .iter()
            .filter(|pod| !inside.is_well(pod))
            .map(|pod| format!("{} is not well", pod.name))
            .collect();
        if let Some(routed) = &inside.routed
            && !inside.pods.iter().any(|pod| pod.leads && &pod.name == routed)
        {
            missing.push(format!("clients are led to {routed}"));
        }
        if inside.synchrony == SyncReplication::ForTheDuration {
            missing.push("commits still wait for a standby".to_owned());
        }
        match goal {
            Goal::Upgrade { restore_primaries, .. } => {
                let old = inside.pods.iter().filter(|pod| pod.revision != inside.revision());
                missing.extend(old.map(|pod| format!("{} is old", pod.name)));
                if inside.rollout != before.rollout {
                    missing.push("the rollout is not released".to_owned());
                }
                if inside.replicas != before.replicas || inside.pods.len() != before.replicas {
                    missing.push(format!("{} are declared, {} there", inside.replicas, inside.pods.len()));
                }
                let lead = |name: &String| inside.pods.iter().any(|pod| pod.leads && &pod.name == name);
                if *restore_primaries && !before.primaries.iter().all(lead) {
                    missing.push("those that led do not lead again".to_owned());
                }
            }
            Goal::EvacuateNode { node } => {
                let there = inside.pods.iter().filter(|pod| &pod.node == node);
                missing.extend(there.map(|pod| format!("{} is on {node}", pod.name)));
            }
            Goal::Finalize { release } => {
                if inside.features.as_ref() != Some(release) {
                    missing.push(format!("{release} is not final: {:?}", inside.features));
                }
            }
            Goal::Switchover { member } => {
                if !inside.pods.iter().any(|pod| pod.leads && &pod.name == member) {
                    missing.push(format!("{member} does not lead"));
                }
            }
        }
        missing
    }

    /// What a goal is measured against.
    pub(crate) fn before(&self) -> Before {
        let primaries = self.primaries();
        let inside = self.inside();
        Before { primaries, rollout: inside.rollout.clone(), replicas: inside.replicas }
    }
}

/// The world before an operation.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    primaries: Vec<String>,
    rollout: Rollout,
    replicas: usize,
}
