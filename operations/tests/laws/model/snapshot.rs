//! What a look shows of the world.

use std::sync::Arc;

use stateful_engines::mongodb::{Balancer, Sharding};
use stateful_engines::{VIEWS_DISAGREE, no_primary};
use stateful_operations::Snapshot;
use stateful_safety::{
    Assessment, Blocker, Member, MemberState, Quorum, ReplicaGroup, Role, Route, Storage, Sync, SyncReplication,
    VolumeClaims, Workload, WorkloadId,
};

use super::{Inside, Life, Pod};

impl Inside {
    /// Everything there is to see now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot { at: self.now, workload: self.workload(), assessment: self.assessment() }
    }

    fn workload(&self) -> Workload {
        let present = self.pods.iter().filter(|pod| !matches!(pod.life, Life::Absent { .. }));
        Workload {
            id: WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() },
            uid: "set".to_owned(),
            engine: self.engine(),
            service: "redis".to_owned(),
            container: "redis".to_owned(),
            image: self.image.clone(),
            declared_revision: if self.has_seen() { self.revision() } else { String::new() },
            replicas: self.replicas,
            first_ordinal: 0,
            restarted_at: self.restarted_at.clone(),
            rollout: self.rollout.clone(),
            members: present.map(pod).collect(),
            routes: self.routed.iter().map(|member| route(member)).collect(),
            template_owner: None,
            replicas_owner: None,
            claims: VolumeClaims::default(),
            operated: None,
            budgets: Vec::new(),
        }
    }

    fn assessment(&self) -> Assessment {
        let groups: Vec<ReplicaGroup> = (0..self.groups).map(|group| self.group(group)).collect();
        let leaders = || groups.iter().filter_map(ReplicaGroup::primary);
        let lost = self.pods.iter().filter(|pod| pod.life == Life::Running && pod.unknown_until > self.now);
        let mut blockers: Vec<Blocker> = lost
            .map(|pod| {
                let about = format!("{} is elsewhere", pod.name);
                VIEWS_DISAGREE.found(&[("member", &"redis-0"), ("about", &about)])
            })
            .collect();
        let headless = groups.iter().filter(|group| group.lacks_primary());
        blockers.extend(headless.map(|group| no_primary(&group.name)));
        blockers.extend(self.sharding().iter().flat_map(|sharding| sharding.blockers("RELEASE")));
        let voters = Quorum {
            voters_are: "slot-owning masters".to_owned(),
            live: leaders().map(|leader| leader.name.clone()).collect(),
            needed: if self.quorum.is_some() { 0 } else { self.groups / 2 + 1 },
        };
        Assessment {
            taken_at: self.now,
            topology: "Redis Cluster".to_owned(),
            quorums: vec![voters],
            blockers,
            groups,
            feature_release: self.features.clone(),
            synchrony: self.synchrony,
            upgrade_notes: self.sharding().iter().map(Sharding::note).collect(),
            notes: Vec::new(),
        }
    }

    fn sharding(&self) -> Option<Sharding> {
        let balances = self.trouble.balances_after_eviction && self.watch.last_eviction > 0;
        let on = |sharding| Sharding { balancer: Balancer::On, ..sharding };
        self.sharding.clone().map(|sharding| if balances { on(sharding) } else { sharding })
    }

    fn group(&self, group: usize) -> ReplicaGroup {
        let members = self.pods.iter().filter(|pod| pod.group == group).map(|pod| self.state(pod)).collect();
        let waits = if self.synchrony == SyncReplication::ForTheDuration { 2 } else { 1 };
        let write_quorum = self.quorum.unwrap_or(self.write_quorum).max(waits);
        ReplicaGroup { name: format!("shard {group}"), members, write_quorum }
    }

    fn state(&self, pod: &Pod) -> MemberState {
        let name = pod.name.clone();
        let preferred = self.preferred.as_ref() == Some(&name);
        let priority = if preferred { 2 * MemberState::NO_PREFERENCE } else { MemberState::NO_PREFERENCE };
        if pod.life != Life::Running {
            let sync = Sync::Unreachable { why: "connection refused".to_owned() };
            return MemberState {
                name,
                role: if self.quorum.is_some() { Role::Peer } else { Role::Unknown },
                sync,
                lag_seconds: None,
                version: None,
                persists: false,
                lost_directory: None,
                priority,
                confirms_writes: true,
            };
        }
        let sync = if self.fences && self.lacks_primary(pod.group) {
            Sync::Behind { why: "its primary does not answer".to_owned() }
        } else if pod.behind_until > self.now {
            Sync::Behind { why: "copying everything from its primary".to_owned() }
        } else {
            Sync::InSync { lag_bytes: self.lag_of(pod) }
        };
        let role = match (self.quorum.is_some(), pod.leads) {
            (true, _) => Role::Peer,
            (false, true) => Role::Primary,
            (false, false) => Role::Replica,
        };
        MemberState {
            name,
            role,
            sync,
            lag_seconds: Some(0),
            version: pod.version(),
            persists: true,
            lost_directory: None,
            priority,
            confirms_writes: true,
        }
    }

    /// Bytes a member is behind its primary.
    pub(super) fn lag_of(&self, pod: &Pod) -> u64 {
        match &self.trouble.lag {
            Some((name, bytes, until)) if *name == pod.name && !pod.leads && self.now < *until => *bytes,
            _ => 0,
        }
    }
}

fn pod(pod: &Pod) -> Arc<Member> {
    Arc::new(Member {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        node: Some(pod.node.clone()),
        address: Some(format!("10.0.0.{}", pod.ordinal)),
        revision: pod.revision.clone(),
        image: pod.image.clone(),
        ready: pod.life == Life::Running,
        terminating: matches!(pod.life, Life::Terminating { .. }),
        storage: Storage::VolumeClaim,
        waiting: match pod.life {
            Life::Stuck(why) => Some(why.to_owned()),
            Life::Running | Life::Terminating { .. } | Life::Absent { .. } | Life::Starting { .. } => None,
        },
        never_started: matches!(pod.life, Life::Stuck(_)),
    })
}

fn route(member: &str) -> Route {
    Route { service: "redis-primary".to_owned(), member: member.to_owned() }
}
