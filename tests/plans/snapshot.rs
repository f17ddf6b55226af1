//! Reads `look.txt`: what is wanted, what the StatefulSet says, and a line a member.
//!
//! ```text
//! image example/redis:7.0                  the template's image
//! engine postgres                          without it redis
//! rollout OnDelete                         the update strategy, or one that is not known; without it RollingUpdate
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
//! budget redis minAvailable 3              a disruption budget that counts all members (or maxUnavailable; or 50%), or after
//!                                          that the members that it counts by their role
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
use std::fmt::Display;

use stateful_cluster::backups::BackupsLooked;
use stateful_cluster::changes::rollout::TemplateChange;
use stateful_engines::mongodb::{Balancer, Part, Sharding};
use stateful_operations::{Goal, Snapshot, Surge};
use stateful_safety::{
    Assessment, BudgetAmount, BudgetTerms, MemberBudget, OperatorOwner, Policy, Quorum, ReplicaGroup, Rollout, Version,
    VolumeClaims, Workload, WorkloadId,
};

use crate::member_line::{MemberLine, add};
use crate::restore;

/// When everything is seen; nobody here reads a clock.
pub(crate) const NOW: i64 = 1_800_000_000_000;

/// One case.
pub(crate) struct Case {
    pub(crate) snapshot: Snapshot,
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
    let mut part_of = None;
    let mut budgets = Vec::new();
    let mut policy = Policy::default();
    let mut snapshot = Snapshot { at: NOW, workload: workload(), assessment: assessment() };
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["image", image] => image.clone_into(&mut snapshot.workload.image),
            ["engine", word] => {
                snapshot.workload.engine = stateful_engines::profiles().find_by_word(word).expect("an engine");
                word.clone_into(&mut snapshot.workload.id.name);
            }
            ["operated", group, kind, name] => {
                let (group, kind, name) = (group.to_owned(), kind.to_owned(), name.to_owned());
                snapshot.workload.operated = Some(OperatorOwner { group, kind, name });
            }
            ["rollout", "OnDelete"] => snapshot.workload.rollout = Rollout::OnDelete,
            ["rollout", other] => snapshot.workload.rollout = Rollout::Other { strategy: other.to_owned() },
            ["features", release] => snapshot.assessment.feature_release = Version::parse(release),
            ["goal", ref words @ ..] => goal = Some(goal_of(words)),
            ["before", "members", count] => replicas_before = Some(count.parse().expect("a number")),
            ["before", image] => image_before = Some(image.to_owned()),
            ["replicas", "owner", ..] => {
                snapshot.workload.replicas_owner = Some(line.trim_start_matches("replicas owner ").to_owned());
            }
            ["accept", code] => {
                policy.accepted.insert(code.to_owned());
            }
            ["blocker", "stranger", ..] => {
                let who = line.trim_start_matches("blocker stranger ").to_owned();
                let id = who.split(' ').next().unwrap_or_default().to_owned();
                block(&mut snapshot, "STF-DB-017", &[("who", &who), ("id", &id)]);
            }
            ["blocker", "maintenance", member, mode] => {
                block(&mut snapshot, "STF-CD-001", &[("member", &member), ("mode", &mode)]);
            }
            ["blocker", "short", copies, wanted, ..] => {
                let shard = words[4..].join(" ");
                block(&mut snapshot, "STF-CD-004", &[("shard", &shard), ("copies", &copies), ("wanted", &wanted)]);
            }
            ["budget", name, field, amount, ref members @ ..] => {
                budgets.push((name, field, amount, members.to_vec()));
            }
            ["backups", "none"] => backups = Some(Vec::new()),
            ["backup", kind, name, hours] => {
                backups.get_or_insert_with(Vec::new).push(restore::backup(kind, name, hours));
            }
            ["sharded", part, balancer, ref leaving @ ..] => {
                let sharding = sharding(part, balancer, leaving);
                snapshot.assessment.upgrade_notes.push(sharding.note());
                part_of = Some(sharding);
            }
            ["blocker", "migration", member] => {
                block(&mut snapshot, "STF-RD-002", &[("member", &member), ("slots", &3)]);
            }
            ["blocker", "snapshot", member] => {
                block(&mut snapshot, "STF-DB-019", &[("member", &member), ("what", &"RDB snapshot")]);
            }
            [name, group, role, node, version, age, ref matters @ ..] => {
                add(&mut snapshot, &MemberLine { name, group, role, node, version, age, matters });
            }
            _ => unreachable!("a line nobody can read: {line}"),
        }
    }
    let members = snapshot.assessment.groups.iter().flat_map(|group| &group.members);
    snapshot.workload.replicas = members.map(|member| &member.name).collect::<BTreeSet<_>>().len();
    snapshot.workload.budgets = budgets.iter().map(|line| budget(&snapshot.workload, line)).collect();
    // Equals elect nobody.
    if snapshot.assessment.groups.iter().any(|group| group.primary().is_some() || group.lacks_primary()) {
        snapshot.assessment.quorums.push(voters(&snapshot.assessment.groups));
    }
    if let Some(sharding) = part_of {
        let members = snapshot.assessment.groups.iter().flat_map(|group| &group.members);
        let newest = members.filter_map(|member| member.version.as_ref()).max();
        let release = newest.map(|newest| newest.release(snapshot.workload.engine).to_string()).unwrap_or_default();
        snapshot.assessment.blockers.extend(sharding.blockers(&release));
    }
    Case { snapshot, goal: goal.expect("a goal"), policy, image_before, replicas_before, backups }
}

/// A budget that counts every member, and that its controller has seen.
fn budget(workload: &Workload, (name, field, amount, of): &(&str, &str, &str, Vec<&str>)) -> MemberBudget {
    let number = |text: &str| text.parse().expect("a number");
    let amount = match amount.strip_suffix('%') {
        Some(share) => BudgetAmount::Percent(number(share)),
        None => BudgetAmount::Pods(number(amount)),
    };
    let terms = match *field {
        "minAvailable" => BudgetTerms { min_available: Some(amount), max_unavailable: None },
        "maxUnavailable" => BudgetTerms { min_available: None, max_unavailable: Some(amount) },
        _ => unreachable!("a field nobody knows: {field}"),
    };
    let names = workload.members.iter().map(|member| member.name.clone());
    let members: Vec<String> = names.filter(|name| of.is_empty() || of.contains(&name.as_str())).collect();
    MemberBudget {
        name: (*name).to_owned(),
        by_role: !of.is_empty(),
        terms,
        expected: i64::try_from(members.len()).ok(),
        members,
    }
}

/// The engine's condition of that code, found with these values.
fn block(snapshot: &mut Snapshot, code: &str, values: &[(&str, &dyn Display)]) {
    let engine = stateful_engines::ENGINES.iter().find(|row| row.profile == snapshot.workload.engine);
    let mut conditions = engine.expect("an engine").conditions.iter();
    let condition = conditions.find(|condition| condition.code == code).expect("a condition of this engine");
    snapshot.assessment.blockers.push(condition.found(values));
}

fn goal_of(words: &[&str]) -> Goal {
    let renew = |change| {
        let (restore_primaries, repair) = (words.contains(&"restore"), words.contains(&"repair"));
        let surge = match words {
            [.., "surge"] => Surge::Add,
            [.., "withdraw"] => Surge::Withdraw,
            _ => Surge::No,
        };
        Goal::Upgrade { change, restore_primaries, repair, surge }
    };
    match words {
        ["image", image, ..] => {
            renew(Some(TemplateChange::Image { container: "redis".to_owned(), image: (*image).to_owned() }))
        }
        ["restart", ..] => renew(Some(TemplateChange::Restart { at: "2026-01-01T00:00:00Z".to_owned() })),
        ["declared", ..] => renew(None),
        ["finalize", release] => Goal::Finalize { release: Version::parse(release).expect("a release") },
        ["leave", node] => Goal::EvacuateNode { node: (*node).to_owned() },
        ["lead", member] => Goal::Switchover { member: (*member).to_owned() },
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

fn voters(groups: &[ReplicaGroup]) -> Quorum {
    let leaders = groups.iter().filter_map(ReplicaGroup::primary);
    let live = leaders.map(|leader| leader.name.clone()).collect();
    Quorum { voters_are: "slot-owning masters".to_owned(), live, needed: groups.len() / 2 + 1 }
}

fn workload() -> Workload {
    Workload {
        id: WorkloadId { namespace: "shop".to_owned(), name: "redis".to_owned() },
        uid: "uid".to_owned(),
        engine: &stateful_engines::redis::PROFILE,
        service: "redis".to_owned(),
        container: "redis".to_owned(),
        image: String::new(),
        declared_revision: "current".to_owned(),
        replicas: 0,
        first_ordinal: 0,
        restarted_at: None,
        rollout: Rollout::RollingUpdate { partition: 0, max_unavailable: None },
        members: Vec::new(),
        routes: Vec::new(),
        template_owner: None,
        replicas_owner: None,
        claims: VolumeClaims { templates: vec!["data".to_owned()], deleted_when_scaled: false },
        operated: None,
        budgets: Vec::new(),
    }
}

fn assessment() -> Assessment {
    let topology = "Redis Cluster".to_owned();
    Assessment {
        taken_at: NOW,
        topology,
        groups: Vec::new(),
        quorums: Vec::new(),
        blockers: Vec::new(),
        feature_release: None,
        synchrony: stateful_safety::SyncReplication::Declared,
        upgrade_notes: Vec::new(),
        notes: Vec::new(),
    }
}
