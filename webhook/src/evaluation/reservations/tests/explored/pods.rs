//! THINK, for tests. The three pods of a database and their eviction records, as they are shown to the production code.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use stateful_cluster::guard::eviction_records::EvictionRecord;
use stateful_cluster::inventory::Model;
use stateful_safety::{
    Assessment, MemberState, ReplicaGroup, Role, Storage, Sync, SyncReplication, Version, Workload, WorkloadId,
};

use crate::evaluation::observation::Observation;
use crate::rules::fixtures::{guarded, pod, redis};

/// Time, in ticks.
pub(super) type Age = u8;

/// What the clock goes forward by at once. Four of them are the lifetime of a reservation.
pub(super) const TICK: Duration = Duration::from_secs(5);

/// No age above this makes a difference.
pub(super) const OLD: Age = 4;

pub(super) const PODS: usize = 3;
pub(super) const NAMES: [&str; PODS] = ["redis-0", "redis-1", "redis-2"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Life {
    Running,
    Terminating,
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Pod {
    pub(super) life: Life,
    /// Whether it is the pod that replaced the first one.
    pub(super) is_new: bool,
    pub(super) in_sync: bool,
}

impl Pod {
    pub(super) const fn is_well(self) -> bool {
        matches!(self.life, Life::Running) && self.in_sync
    }
}

/// The pods as the production code sees them.
pub(super) struct Pods {
    workload: Workload,
    pub(super) now: Instant,
    pub(super) wall: Timestamp,
}

impl Pods {
    pub(super) fn new(now: Instant) -> Self {
        let objects: Vec<_> =
            [guarded(), redis(PODS)].into_iter().chain((0..PODS).map(|at| pod("redis", at))).collect();
        let model = Model::of(&objects, stateful_operations::engine_profiles()).expect("a model");
        let id = WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() };
        let workload = (*model.workload(&id).expect("a workload")).clone();
        Self { workload, now, wall: "2026-01-01T01:00:00Z".parse().expect("a moment") }
    }

    fn uid(at: usize, is_new: bool) -> String {
        if is_new { format!("new-pod-{at}") } else { format!("pod-{at}") }
    }

    /// The workload with these pods.
    pub(super) fn workload(&self, pods: &[Pod; PODS]) -> Workload {
        let mut workload = self.workload.clone();
        let there = workload.members.iter().zip(pods).enumerate().filter(|(_, (_, pod))| pod.life != Life::Gone);
        let members = there.map(|(at, (member, pod))| {
            let mut member = (**member).clone();
            member.uid = Self::uid(at, pod.is_new);
            member.storage = Storage::VolumeClaim;
            member.ready = pod.is_well();
            member.terminating = pod.life == Life::Terminating;
            Arc::new(member)
        });
        workload.members = members.collect();
        workload
    }

    /// What the servers of these pods said when they were asked.
    pub(super) fn observation(&self, pods: &[Pod; PODS], age: Age) -> Observation {
        let states = pods.iter().enumerate().map(|(at, pod)| MemberState {
            name: NAMES[at].to_owned(),
            role: if at == 0 { Role::Primary } else { Role::Replica },
            sync: match (pod.life, pod.in_sync) {
                (Life::Running, true) => Sync::InSync { lag_bytes: 0 },
                (Life::Running, false) => Sync::Behind { why: "it copies everything anew".to_owned() },
                (Life::Terminating | Life::Gone, _) => Sync::Unreachable { why: "it is gone".to_owned() },
            },
            lag_seconds: Some(0),
            version: Version::parse("8.0.0"),
            persists: true,
            lost_directory: None,
            priority: MemberState::NO_PREFERENCE,
            confirms_writes: true,
        });
        let group = ReplicaGroup { name: "main".to_owned(), members: states.collect(), write_quorum: 1 };
        let age_of_it = TICK * u32::from(age);
        let assessment = Assessment {
            taken_at: self.wall.as_millisecond() - i64::try_from(age_of_it.as_millis()).expect("seconds"),
            topology: "primary and replicas".to_owned(),
            groups: vec![group],
            quorums: Vec::new(),
            blockers: Vec::new(),
            feature_release: None,
            synchrony: SyncReplication::Declared,
            upgrade_notes: Vec::new(),
            notes: Vec::new(),
        };
        let workload = Some(Arc::new(self.workload(pods)));
        Observation { assessment: Some(assessment), workload, failure: None }
    }

    /// The records of these first pods. Those that a replica of the guard has seen before are as old as that.
    pub(super) fn records(&self, records: [bool; PODS]) -> Vec<EvictionRecord> {
        let granted = records.iter().enumerate().filter(|(_, granted)| **granted);
        granted.map(|(at, _)| self.record(at)).collect()
    }

    pub(super) fn record(&self, at: usize) -> EvictionRecord {
        EvictionRecord {
            pod: NAMES[at].to_owned(),
            uid: Self::uid(at, false),
            node: Some("n1".to_owned()),
            granted: true,
            switch_over: false,
            at: self.wall,
            since: None,
        }
    }
}
