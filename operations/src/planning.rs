//! THINK. From a goal and a look to a plan. Pure: the same look gives the same plan.

pub(crate) mod retry;

use std::collections::BTreeSet;

use stateful_safety::{MemberState, Policy, ReplicaGroup, Role, Rollout, Version};

use crate::affected_members::{moves, target_image};
use crate::goal::Goal;
use crate::patterns::{Kind, Pattern, Row};
use crate::plan::seen;
use crate::steps::{Step, StepStatus};
use crate::successor::best_successor;
use crate::surge::{self, Added};
use crate::{Origin, Plan, Refusal, Snapshot, preflight, temporary_sync};

/// Draws up what is left to do towards a goal, or says why nothing may or need be done.
pub fn make_plan(goal: &Goal, snapshot: &Snapshot, origin: Origin, policy: &Policy) -> Result<Plan, Refusal> {
    let plan = draft_plan(goal, snapshot, origin, policy);
    let reasons = preflight::reasons(&plan, snapshot, policy);
    if !reasons.is_empty() {
        return Err(Refusal::Unsafe(reasons));
    }
    if plan.steps.is_empty() {
        return Err(Refusal::Nothing(nothing(goal)));
    }
    Ok(plan)
}

/// The plan as it would be, whether or not it may be carried out.
pub fn draft_plan(goal: &Goal, snapshot: &Snapshot, origin: Origin, policy: &Policy) -> Plan {
    let draft_plan = Draft { goal, snapshot, policy, origin: &origin, added: Added::of(goal, snapshot, &origin) };
    let steps = draft_plan.steps();
    let boundary = draft_plan.boundary(&steps);
    let mut notes = surge::notes(&steps, snapshot);
    if steps.iter().any(|step| matches!(step, Step::Replace { .. })) {
        let begins = steps.contains(&Step::BeginTemporarySync);
        notes.extend(temporary_sync::notes(goal, snapshot, begins, draft_plan.added.as_ref()));
    }
    if matches!(goal, Goal::Upgrade { .. }) && !steps.is_empty() {
        notes.extend(snapshot.assessment.upgrade_notes.iter().cloned());
    }
    Plan {
        format: Plan::FORMAT,
        workload: snapshot.workload.id.clone(),
        uid: snapshot.workload.uid.clone(),
        engine: snapshot.workload.engine.into(),
        topology: snapshot.assessment.topology.clone(),
        goal: goal.clone(),
        pattern: Pattern::of(goal).name.to_owned(),
        image: snapshot.workload.image.clone(),
        members: seen(snapshot),
        steps,
        boundary,
        notes,
        origin,
    }
}

fn nothing(goal: &Goal) -> String {
    match goal {
        Goal::Upgrade { .. } => "every member runs what the template declares".to_owned(),
        Goal::EvacuateNode { node } => format!("no member is on {node}"),
        Goal::Switchover { member } => format!("{member} leads already"),
        Goal::Finalize { release } => format!("release {release} is final already"),
    }
}

struct Draft<'a> {
    goal: &'a Goal,
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    origin: &'a Origin,
    /// The member more, where the goal has one.
    added: Option<Added>,
}

impl Draft<'_> {
    fn steps(&self) -> Vec<Step> {
        let pattern = Pattern::of(self.goal);
        let groups = &self.snapshot.assessment.groups;
        let middle: Vec<Step> = self
            .replicas()
            .into_iter()
            .flat_map(|replica| self.fill(pattern.each_replica, None, &replica.name, ""))
            .chain(groups.iter().flat_map(|group| self.primary(pattern.each_primary, group)))
            .chain(groups.iter().flat_map(|group| self.restored(pattern.each_restored, group)))
            .collect();
        // Rows at both ends that are so already are left out; the rollout is released whenever it was not OnDelete.
        let ends = |rows| self.fill(rows, None, "", "").into_iter().filter(|step| !self.is_so(step));
        let mut steps: Vec<Step> = ends(pattern.first).collect();
        if middle.is_empty() {
            // Nobody is away, so nobody is missed.
            steps.retain(|step| !matches!(step, Step::AddMember { .. } | Step::BeginTemporarySync));
        }
        let mut removal = self.removal(pattern.each_added, &steps);
        // A broken one that is to go holds back everybody else: it goes first.
        if self.added.as_ref().is_some_and(|added| added.is_withdrawn && !self.snapshot.is_well(&added.name)) {
            steps.append(&mut removal);
        }
        steps.extend(middle);
        steps.append(&mut removal);
        // With nobody to move there is nothing to hold the rollout for.
        if steps.iter().all(|step| matches!(step, Step::HoldRollout)) {
            steps.clear();
        }
        let astray = groups.iter().filter_map(|group| self.route(group, &group.primary()?.name));
        steps.splice(0..0, astray.filter(|step| !self.is_so(step)));
        let ends = steps.contains(&Step::BeginTemporarySync) || temporary_sync::is_to_end(self.snapshot);
        let releases = !steps.is_empty() || self.snapshot.workload.rollout != self.origin.rollout;
        let last = self.fill(pattern.last, None, "", "").into_iter();
        steps.extend(last.filter(|step| match step {
            Step::EndTemporarySync => ends,
            _ => releases && self.origin.rollout != Rollout::OnDelete,
        }));
        steps
    }

    /// Rows with their names filled in.
    fn fill(&self, rows: &[Row], group: Option<&ReplicaGroup>, member: &str, successor: &str) -> Vec<Step> {
        rows.iter().filter_map(|row| self.step(row.0, group, member, successor)).collect()
    }

    fn step(&self, kind: Kind, group: Option<&ReplicaGroup>, member: &str, successor: &str) -> Option<Step> {
        match kind {
            Kind::HoldRollout => Some(Step::HoldRollout),
            Kind::ChangeTemplate => match self.goal {
                Goal::Upgrade { change, .. } => change.clone().map(|change| Step::ChangeTemplate { change }),
                Goal::EvacuateNode { .. } | Goal::Switchover { .. } | Goal::Finalize { .. } => None,
            },
            Kind::AddMember => self
                .added
                .as_ref()
                .filter(|added| !added.is_withdrawn && added.is_or_may_be())
                .map(|added| Step::AddMember { member: added.name.clone(), replicas: added.before + 1 }),
            Kind::RemoveMember => self
                .added
                .as_ref()
                .map(|added| Step::RemoveMember { member: added.name.clone(), replicas: added.before }),
            Kind::BeginTemporarySync => {
                temporary_sync::begins(self.snapshot, self.added.as_ref()).then_some(Step::BeginTemporarySync)
            }
            Kind::EndTemporarySync => Some(Step::EndTemporarySync),
            Kind::Replace => Some(Step::Replace { member: member.to_owned() }),
            Kind::Switchover => {
                Some(Step::Switchover { group: group?.name.clone(), from: member.to_owned(), to: successor.to_owned() })
            }
            Kind::FinishSwitchover => None, // `find_interrupted` knows when
            Kind::Route => self.route(group?, successor),
            Kind::ReleaseRollout => Some(Step::ReleaseRollout { before: self.origin.rollout }),
            Kind::Finalize => match self.goal {
                Goal::Finalize { release } => Some(Step::Finalize { release: release.clone() }),
                Goal::Upgrade { .. } | Goal::EvacuateNode { .. } | Goal::Switchover { .. } => None,
            },
        }
    }

    /// Leads the clients of a group to a member, where Services lead them by name.
    fn route(&self, group: &ReplicaGroup, to: &str) -> Option<Step> {
        let routes = self.snapshot.workload.routes.iter().filter(|route| group.member(&route.member).is_some());
        let services: Vec<String> = routes.map(|route| route.service.clone()).collect();
        (!services.is_empty()).then(|| Step::Route { services, to: to.to_owned() })
    }

    fn is_so(&self, step: &Step) -> bool {
        step.standing(self.goal, self.snapshot, self.policy) == StepStatus::Done
    }

    /// Replicas, and equals, that must move, those that are broken already first: mending them is what lets the others go on.
    /// One that is in several groups moves once.
    fn replicas(&self) -> Vec<&MemberState> {
        let members = self.snapshot.assessment.groups.iter().flat_map(|group| &group.members);
        let mut replicas: Vec<&MemberState> =
            members.filter(|member| member.role != Role::Primary && self.moves(member)).collect();
        let mut met = BTreeSet::new();
        replicas.retain(|member| met.insert(&member.name));
        replicas.sort_by_key(|member| self.snapshot.is_well(&member.name));
        replicas
    }

    fn primary(&self, rows: &[Row], group: &ReplicaGroup) -> Vec<Step> {
        let Some(primary) = group.primary().filter(|primary| self.moves(primary)) else {
            return Vec::new();
        };
        match self.successor(group, primary) {
            Some(successor) => self.fill(rows, Some(group), &primary.name, &successor),
            None => Vec::new(), // preflight says why that will not do
        }
    }

    /// The end of the member that was added, where one is or will be: it switches over first if it leads by then.
    fn removal(&self, rows: &[Row], before: &[Step]) -> Vec<Step> {
        let is_added = |step: &Step| matches!(step, Step::AddMember { .. });
        let Some(added) = self.added.as_ref().filter(|added| added.is_there() || before.iter().any(is_added)) else {
            return Vec::new();
        };
        let led = self.snapshot.assessment.groups.iter().find_map(|group| {
            let primary = group.primary()?;
            (self.leads_after(group, primary) == added.name).then_some((group, primary))
        });
        let mut rows = rows.iter().collect::<Vec<_>>();
        let Some((group, primary)) = led else {
            rows.retain(|row| row.0 == Kind::RemoveMember);
            return rows.iter().filter_map(|row| self.step(row.0, None, &added.name, "")).collect();
        };
        let others = |name: &String| *name != added.name;
        let successor = self.best_beside_added(group, primary).or_else(|| Some(primary.name.clone()).filter(others));
        let successor = successor.unwrap_or_default();
        rows.iter().filter_map(|row| self.step(row.0, Some(group), &added.name, &successor)).collect()
    }

    /// Who leads a group when everybody has moved and those that led were given back.
    fn leads_after(&self, group: &ReplicaGroup, primary: &MemberState) -> String {
        let leader = self.moved_to(group, primary).unwrap_or_else(|| primary.name.clone());
        self.given_back(group, &leader).unwrap_or(leader)
    }

    /// Gives a group back to the member that led it at the origin, whoever leads it when all have moved: where that was asked
    /// for, and where it would take the lead by itself soon after, when nobody is prepared.
    fn restored(&self, rows: &[Row], group: &ReplicaGroup) -> Vec<Step> {
        let Some(primary) = group.primary() else { return Vec::new() };
        let Some(leader) = self.moved_to(group, primary) else { return Vec::new() };
        match self.given_back(group, &leader) {
            Some(before) if leader != before => self.fill(rows, Some(group), &leader, &before),
            Some(_) | None => Vec::new(),
        }
    }

    /// Who leads a group when everybody has moved.
    fn moved_to(&self, group: &ReplicaGroup, primary: &MemberState) -> Option<String> {
        if self.moves(primary) { self.successor(group, primary) } else { Some(primary.name.clone()) }
    }

    /// Whom a group that this one leads by then is given back to.
    fn given_back(&self, group: &ReplicaGroup, leader: &str) -> Option<String> {
        let before = group.members.iter().find(|member| self.origin.primaries.contains(&member.name))?;
        let asked = matches!(self.goal, Goal::Upgrade { restore_primaries: true, .. });
        let takes_it = group.member(leader).is_some_and(|leader| before.priority > leader.priority);
        (asked || takes_it).then(|| before.name.clone())
    }

    /// Whether a member is to be made anew. Not the one that goes in the end, when it would have to switch over for it.
    fn moves(&self, member: &MemberState) -> bool {
        let goes = self.added.as_ref().filter(|added| added.name == member.name);
        let stays = goes.is_some_and(|added| added.is_withdrawn || member.role == Role::Primary);
        !stays && moves(self.goal, self.snapshot, self.policy, member)
    }

    /// Who leads a group next: the member the goal names, else the best replica, else the one that is mended first, else the
    /// one that is added.
    fn successor(&self, group: &ReplicaGroup, primary: &MemberState) -> Option<String> {
        if let Goal::Switchover { member } = self.goal {
            return group.member(member).map(|member| member.name.clone());
        }
        let best = || best_successor(self.snapshot, group, primary).or_else(|| self.mended(group));
        let added = || self.added.as_ref().filter(|added| !added.is_withdrawn && added.is_or_may_be());
        self.best_beside_added(group, primary)
            .or_else(|| best().map(|member| member.name.clone()))
            .or_else(|| added().map(|added| added.name.clone()))
    }

    /// The best replica but for the one that goes in the end.
    fn best_beside_added(&self, group: &ReplicaGroup, primary: &MemberState) -> Option<String> {
        let mut others = group.clone();
        others.members.retain(|member| self.added.as_ref().is_none_or(|added| added.name != member.name));
        best_successor(self.snapshot, &others, primary).map(|member| member.name.clone())
    }

    /// The broken member that is replaced first: with nobody else in sync it is the one that can lead, once it is well.
    fn mended<'g>(&self, group: &'g ReplicaGroup) -> Option<&'g MemberState> {
        let first = *self.replicas().first().filter(|_| matches!(self.goal, Goal::Upgrade { repair: true, .. }))?;
        group.member(&first.name).filter(|member| !self.snapshot.is_well(&member.name))
    }

    /// The first step after which a member has files of a newer release than the image before could read. Where an
    /// image's tag names no version nobody knows, so the first member counts.
    fn boundary(&self, steps: &[Step]) -> Option<usize> {
        let target = target_image(self.goal, self.snapshot);
        if matches!(self.goal, Goal::Finalize { .. }) {
            return (!steps.is_empty()).then_some(0);
        }
        if !matches!(self.goal, Goal::Upgrade { .. }) || target == self.origin.image {
            return None;
        }
        let running: Vec<&Version> = self
            .snapshot
            .assessment
            .groups
            .iter()
            .flat_map(|group| &group.members)
            .filter_map(|m| m.version.as_ref())
            .collect();
        let newer = match Version::of_image(target) {
            Some(target) => {
                let opens =
                    |version| self.snapshot.assessment.can_open(version, &target, self.snapshot.workload.engine);
                !running.iter().all(|version| opens(version))
            }
            None => true,
        };
        newer.then(|| steps.iter().position(|step| matches!(step, Step::Replace { .. }))).flatten()
    }
}
