//! The operations every law is held against.

use stateful_cluster::changes::rollout::TemplateChange;
use stateful_operations::{Goal, Surge};
use stateful_safety::{Rollout, Version};

use crate::drive::begin;
use crate::model::{Model, NEW, NEWER_MINOR};

/// One operation on one world.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) model: Model,
    pub(crate) goal: Goal,
}

impl Case {
    /// The world after the operation, when nothing goes wrong.
    fn after(&self) -> Model {
        let model = self.model.copy();
        assert!(begin(&model, &self.goal).is_ok(), "{}: it is refused", self.name);
        model
    }

    /// How many calls it makes.
    pub(crate) fn calls(&self) -> usize {
        self.after().inside().calls
    }

    /// Which of them are looks.
    pub(crate) fn snapshots(&self) -> Vec<usize> {
        self.after().inside().snapshots.clone()
    }

    /// Which of them took the last member away.
    pub(crate) fn last_eviction(&self) -> usize {
        self.after().inside().watch.last_eviction
    }
}

pub(crate) fn image(image: &str) -> Goal {
    let change = TemplateChange::Image { container: "redis".to_owned(), image: image.to_owned() };
    Goal::Upgrade { change: Some(change), restore_primaries: false, repair: false, surge: Surge::No }
}

/// The same with a member more for the duration.
pub(crate) fn surging(image: &str) -> Goal {
    let change = TemplateChange::Image { container: "redis".to_owned(), image: image.to_owned() };
    Goal::Upgrade { change: Some(change), restore_primaries: false, repair: false, surge: Surge::Add }
}

fn restart(restore_primaries: bool) -> Goal {
    let change = TemplateChange::Restart { at: "2026-01-01T00:00:00Z".to_owned() };
    Goal::Upgrade { change: Some(change), restore_primaries, repair: false, surge: Surge::No }
}

/// Those on an engine that fences.
pub(crate) fn fencing() -> impl Iterator<Item = Case> {
    all().into_iter().filter(|case| case.model.inside().fences)
}

/// Every pattern, and every way a goal of it differs.
pub(crate) fn all() -> Vec<Case> {
    let cordoned =
        |node: &'static str| move |inside: &mut crate::model::Inside| inside.cordoned = Some(node.to_owned());
    let on_one_node = Model::cluster(3, 1).with(|inside| {
        for pod in inside.pods.iter_mut().filter(|pod| pod.group == 1) {
            "node1".clone_into(&mut pod.node);
        }
        inside.cordoned = Some("node1".to_owned());
    });
    let mixed = Model::cluster(3, 1).with(|inside| {
        NEW.clone_into(&mut inside.image);
        inside.rollout = Rollout::OnDelete;
        let new = inside.revision();
        for pod in inside.pods.iter_mut().filter(|pod| !pod.leads && pod.group != 2) {
            NEW.clone_into(&mut pod.image);
            pod.revision.clone_from(&new);
        }
    });
    let behind_a_service = || Model::cluster(1, 2).with(|inside| inside.routed = Some("redis-2".to_owned()));
    let preferring = || Model::cluster(1, 2).with(|inside| inside.preferred = Some("redis-0".to_owned()));
    let renew = Goal::Upgrade { change: None, restore_primaries: false, repair: false, surge: Surge::No };
    vec![
        Case { name: "a newer image", model: Model::cluster(3, 1), goal: image(NEW) },
        Case { name: "a newer image, two replicas", model: Model::cluster(3, 2), goal: image(NEW) },
        Case { name: "a restart", model: Model::cluster(3, 1), goal: restart(false) },
        Case { name: "a restart, primaries restored", model: Model::cluster(3, 1), goal: restart(true) },
        Case { name: "what is left of a rollout by OnDelete", model: mixed, goal: renew },
        Case {
            name: "a node left",
            model: Model::cluster(3, 1).with(cordoned("node2")),
            goal: Goal::EvacuateNode { node: "node2".to_owned() },
        },
        Case {
            name: "a node with all copies of a shard",
            model: on_one_node,
            goal: Goal::EvacuateNode { node: "node1".to_owned() },
        },
        Case { name: "a restart behind a Service", model: behind_a_service(), goal: restart(true) },
        Case {
            name: "a switchover behind a Service",
            model: behind_a_service(),
            goal: Goal::Switchover { member: "redis-0".to_owned() },
        },
        Case { name: "a newer minor of an engine that fences", model: Model::fencing(), goal: image(NEWER_MINOR) },
        Case { name: "a restart of one that fences, primaries restored", model: Model::fencing(), goal: restart(true) },
        Case { name: "a newer minor with a member more", model: Model::fencing(), goal: surging(NEWER_MINOR) },
        Case {
            name: "a newer minor of a single server with a member more",
            model: Model::fencing_alone(),
            goal: surging(NEWER_MINOR),
        },
        Case {
            name: "a switchover of one that fences",
            model: Model::fencing(),
            goal: Goal::Switchover { member: "redis-0".to_owned() },
        },
        Case { name: "a newer image where one is wanted to lead", model: preferring(), goal: image(NEW) },
        Case {
            name: "a node left by whom the database wants to lead",
            model: preferring().with(cordoned("node1")),
            goal: Goal::EvacuateNode { node: "node1".to_owned() },
        },
        Case {
            name: "a release made final",
            model: Model::cluster(1, 2).with(|inside| inside.features = Version::parse("6.2")),
            goal: Goal::Finalize { release: Version::parse("7.0").expect("a version") },
        },
        Case { name: "a newer minor of an asynchronous one", model: Model::asynchronous(2), goal: image(NEWER_MINOR) },
        Case {
            name: "a newer minor of an asynchronous one with a member more",
            model: Model::asynchronous(1),
            goal: surging(NEWER_MINOR),
        },
        Case { name: "a newer image of equals", model: Model::equals(3), goal: image(NEW) },
        Case {
            name: "a node left by one of equals",
            model: Model::equals(5).with(cordoned("node2")),
            goal: Goal::EvacuateNode { node: "node2".to_owned() },
        },
        Case {
            name: "a switchover",
            model: Model::cluster(3, 2),
            goal: Goal::Switchover { member: "redis-3".to_owned() },
        },
    ]
}
