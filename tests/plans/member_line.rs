//! Reads the line of a member in `look.txt`.

use std::sync::Arc;

use stateful_operations::Snapshot;
use stateful_safety::{Member, MemberState, ReplicaGroup, Role, Storage, Sync, Version};

/// What a line says of a member of one group.
pub(crate) struct MemberLine<'a> {
    pub(crate) name: &'a str,
    pub(crate) group: &'a str,
    pub(crate) role: &'a str,
    pub(crate) node: &'a str,
    pub(crate) version: &'a str,
    pub(crate) age: &'a str,
    pub(crate) matters: &'a [&'a str],
}

/// Adds the member, with its pod and its group.
pub(crate) fn add(snapshot: &mut Snapshot, line: &MemberLine<'_>) {
    let mut member = MemberState {
        name: line.name.to_owned(),
        role: match line.role {
            "primary" => Role::Primary,
            "replica" => Role::Replica,
            "peer" => Role::Peer,
            "unknown" => Role::Unknown,
            role => unreachable!("a role nobody knows: {role}"),
        },
        sync: Sync::InSync { lag_bytes: 0 },
        lag_seconds: Some(0),
        version: Version::parse(line.version),
        persists: true,
        lost_directory: None,
        priority: MemberState::NO_PREFERENCE,
        confirms_writes: true,
    };
    let mut pod = Member {
        name: line.name.to_owned(),
        uid: format!("uid-{}", line.name),
        node: Some(line.node.to_owned()),
        address: Some("10.0.0.1".to_owned()),
        revision: line.age.to_owned(),
        image: snapshot.workload.image.clone(),
        ready: true,
        terminating: false,
        storage: Storage::VolumeClaim,
        waiting: None,
        never_started: false,
    };
    let mut absent = false;
    let mut needs = 1;
    for matter in line.matters {
        match matter.split_once('=').unwrap_or((matter, "")) {
            ("lag", bytes) => member.sync = Sync::InSync { lag_bytes: bytes.parse().expect("bytes") },
            ("behind", _) => member.sync = Sync::Behind { why: "copying everything from its primary".to_owned() },
            ("silent", _) => member.sync = Sync::Unreachable { why: "connection refused".to_owned() },
            ("stuck", why) => (pod.ready, pod.waiting) = (false, Some(why.to_owned())),
            ("never-started", _) => (pod.ready, pod.never_started) = (false, true),
            ("absent", _) => absent = true,
            ("ephemeral", _) => pod.storage = Storage::Ephemeral,
            ("nothing-kept", _) => member.persists = false,
            ("priority", number) => member.priority = number.parse::<u32>().expect("a number") * 1_000,
            ("needs", number) => needs = number.parse().expect("a number"),
            _ => unreachable!("a matter nobody knows: {matter}"),
        }
    }
    // One that is in several groups has a line for each, and one pod.
    if !absent && snapshot.workload.member(line.name).is_none() {
        snapshot.workload.members.push(Arc::new(pod));
    }
    let groups = &mut snapshot.assessment.groups;
    if !groups.iter().any(|group| group.name == line.group) {
        groups.push(ReplicaGroup { name: line.group.to_owned(), members: Vec::new(), write_quorum: 1 });
    }
    let group = groups.iter_mut().find(|group| group.name == line.group).expect("it has just been added");
    group.write_quorum = group.write_quorum.max(needs);
    group.members.push(member);
}
