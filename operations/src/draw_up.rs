//! THINK. From a goal and a look to a plan. Pure: the same look gives the same plan.

use std::collections::BTreeSet;

use stateful_safety::{MemberState, Policy, ReplicaGroup, Role, Rollout, Sharded, Version};

use crate::goal::Goal;
use crate::moves::{moves, target_image};
use crate::patterns::{Kind, Pattern, Row};
use crate::plan::seen;
use crate::steps::{Standing, Step};
use crate::successor::best_successor;
use crate::surge::{self, Added};
use crate::{Look, Origin, Plan, Refusal, preflight, synchrony};

/// Draws up what is left to do towards a goal, or says why nothing may or need be done.
pub fn draw_up(goal: &Goal, look: &Look, origin: Origin, policy: &Policy) -> Result<Plan, Refusal> {
    let plan = draft(goal, look, origin, policy);
    let reasons = preflight::reasons(&plan, look, policy);
    if !reasons.is_empty() {
        return Err(Refusal::Unsafe(reasons));
    }
    if plan.steps.is_empty() {
        return Err(Refusal::Nothing(nothing(goal)));
    }
    Ok(plan)
}

/// The plan as it would be, whether or not it may be carried out.
pub fn draft(goal: &Goal, look: &Look, origin: Origin, policy: &Policy) -> Plan {
    let draft = Draft { goal, look, policy, origin: &origin, added: Added::of(goal, look, &origin) };
    let steps = draft.steps();
    let boundary = draft.boundary(&steps);
    let mut notes = surge::notes(&steps, look);
    if steps.iter().any(|step| matches!(step, Step::Replace { .. })) {
        let begins = steps.contains(&Step::BeginSynchrony);
        notes.extend(synchrony::notes(goal, look, begins, draft.added.as_ref()));
    }
    if matches!(goal, Goal::Renew { .. }) && !steps.is_empty() {
        notes.extend(look.assessment.sharding.as_ref().map(Sharded::note));
    }
    Plan {
        format: Plan::FORMAT,
        workload: look.workload.id.clone(),
        uid: look.workload.uid.clone(),
        engine: look.workload.engine,
        topology: look.assessment.topology.clone(),
        goal: goal.clone(),
        pattern: Pattern::of(goal).name.to_owned(),
        image: look.workload.image.clone(),
        members: seen(look),
        steps,
        boundary,
        notes,
        origin,
    }
}

fn nothing(goal: &Goal) -> String {
    match goal {
        Goal::Renew { .. } => "every member runs what the template declares".to_owned(),
        Goal::Leave { node } => format!("no member is on {node}"),
        Goal::Lead { member } => format!("{member} leads already"),
        Goal::Finalize { release } => format!("release {release} is final already"),
    }
}

struct Draft<'a> {
    goal: &'a Goal,
    look: &'a Look,
    policy: &'a Policy,
    origin: &'a Origin,
    /// The member more, where the goal has one.
    added: Option<Added>,
}

impl Draft<'_> {
    fn steps(&self) -> Vec<Step> {
        let pattern = Pattern::of(self.goal);
        let groups = &self.look.assessment.groups;
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
            steps.retain(|step| !matches!(step, Step::AddMember { .. } | Step::BeginSynchrony));
        }
        let mut removal = self.removal(pattern.each_added, &steps);
        // A broken one that is to go holds back everybody else: it goes first.
        if self.added.as_ref().is_some_and(|added| added.is_withdrawn && !self.look.is_well(&added.name)) {
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
        let ends = steps.contains(&Step::BeginSynchrony) || synchrony::is_to_end(self.look);
        let releases = !steps.is_empty() || self.look.workload.rollout != self.origin.rollout;
        let last = self.fill(pattern.last, None, "", "").into_iter();
        steps.extend(last.filter(|step| match step {
            Step::EndSynchrony => ends,
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
                Goal::Renew { change, .. } => change.clone().map(|change| Step::ChangeTemplate { change }),
                Goal::Leave { .. } | Goal::Lead { .. } | Goal::Finalize { .. } => None,
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
            Kind::BeginSynchrony => synchrony::begins(self.look, self.added.as_ref()).then_some(Step::BeginSynchrony),
            Kind::EndSynchrony => Some(Step::EndSynchrony),
            Kind::Replace => Some(Step::Replace { member: member.to_owned() }),
            Kind::HandOver => {
                Some(Step::HandOver { group: group?.name.clone(), from: member.to_owned(), to: successor.to_owned() })
            }
            Kind::FinishHandOver => None, // `unfinished` knows when
            Kind::Route => self.route(group?, successor),
            Kind::ReleaseRollout => Some(Step::ReleaseRollout { before: self.origin.rollout }),
            Kind::Finalize => match self.goal {
                Goal::Finalize { release } => Some(Step::Finalize { release: release.clone() }),
                Goal::Renew { .. } | Goal::Leave { .. } | Goal::Lead { .. } => None,
            },
        }
    }

    /// Leads the clients of a group to a member, where Services lead them by name.
    fn route(&self, group: &ReplicaGroup, to: &str) -> Option<Step> {
        let routes = self.look.workload.routes.iter().filter(|route| group.member(&route.member).is_some());
        let services: Vec<String> = routes.map(|route| route.service.clone()).collect();
        (!services.is_empty()).then(|| Step::Route { services, to: to.to_owned() })
    }

    fn is_so(&self, step: &Step) -> bool {
        step.standing(self.goal, self.look, self.policy) == Standing::Settled
    }

    /// Replicas, and equals, that must move, those that are broken already first: mending them is what lets the others go on.
    /// One that is in several groups moves once.
    fn replicas(&self) -> Vec<&MemberState> {
        let members = self.look.assessment.groups.iter().flat_map(|group| &group.members);
        let mut replicas: Vec<&MemberState> =
            members.filter(|member| member.role != Role::Primary && self.moves(member)).collect();
        let mut met = BTreeSet::new();
        replicas.retain(|member| met.insert(&member.name));
        replicas.sort_by_key(|member| self.look.is_well(&member.name));
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

    /// The end of the member that was added, where one is or will be: it hands over first if it leads by then.
    fn removal(&self, rows: &[Row], before: &[Step]) -> Vec<Step> {
        let is_added = |step: &Step| matches!(step, Step::AddMember { .. });
        let Some(added) = self.added.as_ref().filter(|added| added.is_there() || before.iter().any(is_added)) else {
            return Vec::new();
        };
        let led = self.look.assessment.groups.iter().find_map(|group| {
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
        let asked = matches!(self.goal, Goal::Renew { restore_primaries: true, .. });
        let takes_it = group.member(leader).is_some_and(|leader| before.priority > leader.priority);
        (asked || takes_it).then(|| before.name.clone())
    }

    /// Whether a member is to be made anew. Not the one that goes in the end, when it would have to hand over for it.
    fn moves(&self, member: &MemberState) -> bool {
        let goes = self.added.as_ref().filter(|added| added.name == member.name);
        let stays = goes.is_some_and(|added| added.is_withdrawn || member.role == Role::Primary);
        !stays && moves(self.goal, self.look, self.policy, member)
    }

    /// Who leads a group next: the member the goal names, else the best replica, else the one that is mended first, else the
    /// one that is added.
    fn successor(&self, group: &ReplicaGroup, primary: &MemberState) -> Option<String> {
        if let Goal::Lead { member } = self.goal {
            return group.member(member).map(|member| member.name.clone());
        }
        let best = || best_successor(self.look, group, primary).or_else(|| self.mended(group));
        let added = || self.added.as_ref().filter(|added| !added.is_withdrawn && added.is_or_may_be());
        self.best_beside_added(group, primary)
            .or_else(|| best().map(|member| member.name.clone()))
            .or_else(|| added().map(|added| added.name.clone()))
    }

    /// The best replica but for the one that goes in the end.
    fn best_beside_added(&self, group: &ReplicaGroup, primary: &MemberState) -> Option<String> {
        let mut others = group.clone();
        others.members.retain(|member| self.added.as_ref().is_none_or(|added| added.name != member.name));
        best_successor(self.look, &others, primary).map(|member| member.name.clone())
    }

    /// The broken member that is replaced first: with nobody else in sync it is the one that can lead, once it is well.
    fn mended<'g>(&self, group: &'g ReplicaGroup) -> Option<&'g MemberState> {
        let first = *self.replicas().first().filter(|_| matches!(self.goal, Goal::Renew { repair: true, .. }))?;
        group.member(&first.name).filter(|member| !self.look.is_well(&member.name))
    }

    /// The first step after which a member has files of a newer release than the image before could read. Where an
    /// image's tag names no version nobody knows, so the first member counts.
    fn boundary(&self, steps: &[Step]) -> Option<usize> {
        let target = target_image(self.goal, self.look);
        if matches!(self.goal, Goal::Finalize { .. }) {
            return (!steps.is_empty()).then_some(0);
        }
        if !matches!(self.goal, Goal::Renew { .. }) || target == self.origin.image {
            return None;
        }
        let running: Vec<&Version> = self
            .look
            .assessment
            .groups
            .iter()
            .flat_map(|group| &group.members)
            .filter_map(|m| m.version.as_ref())
            .collect();
        let newer = match Version::of_image(target) {
            Some(target) => {
                let opens = |version| self.look.assessment.can_open(version, &target, self.look.workload.engine);
                !running.iter().all(|version| opens(version))
            }
            None => true,
        };
        newer.then(|| steps.iter().position(|step| matches!(step, Step::Replace { .. }))).flatten()
    }
}
