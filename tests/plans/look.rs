//! Reads `look.txt`: what is wanted, what the StatefulSet says, and a line a member.
//!
//! ```text
//! image example/redis:7.0                  the template's image
//! engine postgres                          without it redis
//! rollout OnDelete                         the update strategy; without it RollingUpdate
//! goal image example/redis:8.0 restore     or: goal restart · goal declared · goal leave NODE · goal lead MEMBER ·
//!                                          goal finalize 6.0; repair; and last surge, or withdraw
//! features 5.0                             what the data uses of its release's features, where the engine tells
//! accept STF-DB-011                        a reason accepted for this run
//! before example/redis:7.0                 the image before the operation, where it was begun earlier
//! before members 3                         the number of members before it
//! replicas owner Argo CD                   who else writes that number
//! operated psmdb.percona.com PerconaServerMongoDB shop     the object its operator makes it from
//! blocker stranger 07c37df at 10.0.0.9     a condition of the database; so are: blocker maintenance MEMBER MODE ·
//!                                          blocker short COPIES WANTED SHARD
//! backup volumesnapshot nightly 3          one that succeeded so many hours before (or: backups none)
//! sharded config-servers on      what it is of a sharded cluster (or: sharded SHARD ...), whether the balancer is on, off, or
//!                                unknown, and of which collections a chunk is leaving
//! redis-0 shard-0 primary node1 7.0.15 old     member, group, role, node, version, and whether old or current
//! redis-3 shard-0 replica node2 7.0.15 old lag=120     and what is the matter with it, if anything is
//! ```
//!
//! `lag=N`, `behind`, `silent`, `stuck=ImagePullBackOff`, `never-started`, `absent`, `ephemeral`, `nothing-kept`,
//! `priority=N`, `needs=2` (a write of its group).

use std::collections::BTreeSet;
use std::sync::Arc;

use stateful_cluster::{BackupsLooked, TemplateChange};
use stateful_operations::{Goal, Look, Surge};
use stateful_safety::{
    Assessment, Balancer, Blocker, Claims, Electorate, EngineKind, Member, MemberState, Operated, Part, Policy,
    ReplicaGroup, Role, Rollout, Sharding, Storage, Sync, Unsettled, Version, Workload, WorkloadId,
};

use crate::restore;

/// When everything is seen; nobody here reads a clock.
pub(crate) const NOW: i64 = 1_800_000_000_000;

/// One case.
pub(crate) struct Case {
    pub(crate) look: Look,
    pub(crate) goal: Goal,
    pub(crate) policy: Policy,
    pub(crate) image_before: Option<String>,
    pub(crate) replicas_before: Option<usize>,
    /// What was found of backups, where a case is about them.
    pub(crate) backups: Option<Vec<BackupsLooked>>,
}

/// Reads a case. A word it does not know fails the test.
pub(crate) fn read(text: &str) -> Case {
    let mut goal = None;
    let (mut image_before, mut replicas_before) = (None, None);
    let mut backups = None;
    let mut policy = Policy::default();
    let mut look = Look { at: NOW, workload: workload(), assessment: assessment() };
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["image", image] => image.clone_into(&mut look.workload.image),
            ["engine", word] => {
                look.workload.engine = EngineKind::from_word(word).expect("an engine");
                word.clone_into(&mut look.workload.id.name);
            }
            ["operated", group, kind, name] => {
                let (group, kind, name) = (group.to_owned(), kind.to_owned(), name.to_owned());
                look.workload.operated = Some(Operated { group, kind, name });
            }
            ["rollout", "OnDelete"] => look.workload.rollout = Rollout::OnDelete,
            ["features", release] => look.assessment.feature_release = Version::parse(release),
            ["goal", ref words @ ..] => goal = Some(goal_of(words)),
            ["before", "members", count] => replicas_before = Some(count.parse().expect("a number")),
            ["before", image] => image_before = Some(image.to_owned()),
            ["replicas", "owner", ..] => {
                look.workload.replicas_owner = Some(line.trim_start_matches("replicas owner ").to_owned());
            }
            ["accept", code] => {
                policy.accepted.insert(code.to_owned());
            }
            ["blocker", "stranger", ..] => {
                let who = line.trim_start_matches("blocker stranger ").to_owned();
                look.assessment.blockers.push(Blocker::Stranger { who });
            }
            ["blocker", "maintenance", member, mode] => {
                let (member, mode) = (member.to_owned(), mode.to_owned());
                look.assessment.blockers.push(Blocker::Unsettled(Unsettled::MaintenanceMode { member, mode }));
            }
            ["blocker", "short", copies, wanted, ..] => {
                let (copies, wanted) = (copies.parse().expect("a number"), wanted.parse().expect("a number"));
                let shard = words[4..].join(" ");
                look.assessment.blockers.push(Blocker::Unsettled(Unsettled::ShardShort { shard, copies, wanted }));
            }
            ["backups", "none"] => backups = Some(Vec::new()),
            ["backup", kind, name, hours] => {
                backups.get_or_insert_with(Vec::new).push(restore::backup(kind, name, hours));
            }
            ["sharded", part, balancer, ref leaving @ ..] => {
                look.assessment.sharding = Some(sharding(part, balancer, leaving));
            }
            ["blocker", "migration", member] => {
                look.assessment.blockers.push(Blocker::MigrationRunning { member: member.to_owned(), slots: 3 });
            }
            ["blocker", "snapshot", member] => {
                let what = "RDB snapshot".to_owned();
                look.assessment.blockers.push(Blocker::SnapshotRunning { member: member.to_owned(), what });
            }
            [name, group, role, node, version, age, ref matters @ ..] => {
                add(&mut look, &Line { name, group, role, node, version, age, matters });
            }
            _ => unreachable!("a line nobody can read: {line}"),
        }
    }
    let members = look.assessment.groups.iter().flat_map(|group| &group.members);
    look.workload.replicas = members.map(|member| &member.name).collect::<BTreeSet<_>>().len();
    // Equals elect nobody.
    if look.assessment.groups.iter().any(|group| group.primary().is_some() || group.is_headless()) {
        look.assessment.electorates.push(voters(&look.assessment.groups));
    }
    Case { look, goal: goal.expect("a goal"), policy, image_before, replicas_before, backups }
}

fn goal_of(words: &[&str]) -> Goal {
    let renew = |change| {
        let (restore_primaries, repair) = (words.contains(&"restore"), words.contains(&"repair"));
        let surge = match words {
            [.., "surge"] => Surge::Add,
            [.., "withdraw"] => Surge::Withdraw,
            _ => Surge::No,
        };
        Goal::Renew { change, restore_primaries, repair, surge }
    };
    match words {
        ["image", image, ..] => {
            renew(Some(TemplateChange::Image { container: "redis".to_owned(), image: (*image).to_owned() }))
        }
        ["restart", ..] => renew(Some(TemplateChange::Restart { at: "2026-01-01T00:00:00Z".to_owned() })),
        ["declared", ..] => renew(None),
        ["finalize", release] => Goal::Finalize { release: Version::parse(release).expect("a release") },
        ["leave", node] => Goal::Leave { node: (*node).to_owned() },
        ["lead", member] => Goal::Lead { member: (*member).to_owned() },
        _ => unreachable!("a goal nobody can read: {words:?}"),
    }
}

fn sharding(part: &str, balancer: &str, leaving: &[&str]) -> Sharding {
    Sharding {
        part: match part {
            "config-servers" => Part::ConfigServers { shards: vec!["shop-a".to_owned(), "shop-b".to_owned()] },
            shard => Part::Shard { name: Some(shard.to_owned()) },
        },
        balancer: match balancer {
            "on" => Balancer::On,
            "off" => Balancer::Off,
            "unknown" => Balancer::Unknown,
            _ => unreachable!("a balancer nobody knows: {balancer}"),
        },
        leaving: leaving.iter().map(|&of| of.to_owned()).collect(),
    }
}

struct Line<'a> {
    name: &'a str,
    group: &'a str,
    role: &'a str,
    node: &'a str,
    version: &'a str,
    age: &'a str,
    matters: &'a [&'a str],
}

fn add(look: &mut Look, line: &Line<'_>) {
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
        priority: MemberState::NO_PREFERENCE,
    };
    let mut pod = Member {
        name: line.name.to_owned(),
        uid: format!("uid-{}", line.name),
        node: Some(line.node.to_owned()),
        address: Some("10.0.0.1".to_owned()),
        revision: line.age.to_owned(),
        image: look.workload.image.clone(),
        ready: true,
        terminating: false,
        storage: Storage::Claim,
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
    if !absent && look.workload.member(line.name).is_none() {
        look.workload.members.push(Arc::new(pod));
    }
    let groups = &mut look.assessment.groups;
    if !groups.iter().any(|group| group.name == line.group) {
        groups.push(ReplicaGroup { name: line.group.to_owned(), members: Vec::new(), writes_need: 1 });
    }
    let group = groups.iter_mut().find(|group| group.name == line.group).expect("it has just been added");
    group.writes_need = group.writes_need.max(needs);
    group.members.push(member);
}

fn voters(groups: &[ReplicaGroup]) -> Electorate {
    let leaders = groups.iter().filter_map(ReplicaGroup::primary);
    let live = leaders.map(|leader| leader.name.clone()).collect();
    Electorate { voters_are: "slot-owning masters".to_owned(), live, needed: groups.len() / 2 + 1 }
}

fn workload() -> Workload {
    Workload {
        id: WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() },
        uid: "uid".to_owned(),
        engine: EngineKind::Redis,
        service: "redis".to_owned(),
        container: "redis".to_owned(),
        image: String::new(),
        declared_revision: "current".to_owned(),
        replicas: 0,
        first_ordinal: 0,
        restarted_at: None,
        rollout: Rollout::RollingUpdate { partition: 0 },
        members: Vec::new(),
        routes: Vec::new(),
        template_owner: None,
        replicas_owner: None,
        claims: Claims { templates: vec!["data".to_owned()], deleted_when_scaled: false },
        operated: None,
    }
}

fn assessment() -> Assessment {
    let topology = "Redis Cluster".to_owned();
    Assessment {
        taken_at: NOW,
        topology,
        groups: Vec::new(),
        electorates: Vec::new(),
        blockers: Vec::new(),
        feature_release: None,
        synchrony: stateful_safety::Synchrony::Declared,
        sharding: None,
    }
}
