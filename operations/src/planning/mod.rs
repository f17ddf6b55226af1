//! THINK. From a goal and a snapshot to a plan. Pure: the same snapshot gives the same plan.

mod boundary;
mod interrupted_switchover;
mod primaries;
pub(crate) mod retry;
mod successor;

use std::collections::BTreeSet;

pub use interrupted_switchover::{find_interrupted, plan_remaining};
use stateful_safety::{MemberState, Policy, Reason, ReplicaGroup, Role};

pub use successor::best_successor;

use crate::goal::surge::SurgeReplica;
use crate::goal::temporary_sync;
use crate::patterns::{Pattern, Row};
use crate::plan::affected_members::moves;
use crate::plan::observed_members;
use crate::steps::{RouteClients, RowContext, Situation, Step, StepKind, StepStatus};
use crate::{Goal, Origin, Plan, Snapshot, preflight};

/// Why no plan was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The database is not in a state to be moved.
    #[error("{} reasons against it", .0.len())]
    Unsafe(Vec<Reason>),
    /// There is nothing to do.
    #[error("nothing to do: {0}")]
    Nothing(String),
}

/// Plans what is left to do towards a goal, or says why nothing may or need be done.
pub fn make_plan(goal: &Goal, snapshot: &Snapshot, origin: Origin, policy: &Policy) -> Result<Plan, Refusal> {
    let plan = draft_plan(goal, snapshot, origin, policy);
    let reasons = preflight::reasons(&plan, snapshot, policy);
    if !reasons.is_empty() {
        return Err(Refusal::Unsafe(reasons));
    }
    if plan.steps.is_empty() {
        return Err(Refusal::Nothing(nothing_to_do(goal)));
    }
    Ok(plan)
}

/// The plan as it would be, whether or not it may be carried out.
pub fn draft_plan(goal: &Goal, snapshot: &Snapshot, origin: Origin, policy: &Policy) -> Plan {
    let draft = Draft { goal, snapshot, policy, origin: &origin, surge: SurgeReplica::of(goal, snapshot, &origin) };
    let steps = draft.steps();
    let boundary = draft.boundary(&steps);
    let mut notes: Vec<String> = steps.iter().flat_map(|step| step.notes(snapshot)).collect();
    if steps.iter().any(|step| step.kind() == StepKind::ReplaceMember) {
        let begins = steps.contains(&Step::BeginTemporarySync);
        notes.extend(temporary_sync::notes(goal, snapshot, begins, draft.surge.as_ref()));
    }
    if matches!(goal, Goal::Upgrade { .. }) && !steps.is_empty() {
        notes.extend(snapshot.assessment.upgrade_notes.iter().cloned());
    }
    if !steps.is_empty() {
        notes.extend(snapshot.assessment.notes.iter().cloned());
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
        members: observed_members(snapshot),
        steps,
        boundary,
        notes,
        origin,
    }
}

fn nothing_to_do(goal: &Goal) -> String {
    match goal {
        Goal::Upgrade { .. } => "every member runs what the template declares".to_owned(),
        Goal::EvacuateNode { node } => format!("no member is on {node}"),
        Goal::Switchover { member } => format!("{member} leads already"),
        Goal::Finalize { release } => format!("release {release} is final already"),
    }
}

/// A plan in the making.
struct Draft<'a> {
    goal: &'a Goal,
    snapshot: &'a Snapshot,
    policy: &'a Policy,
    origin: &'a Origin,
    /// The extra replica, where the goal has one.
    surge: Option<SurgeReplica>,
}

impl Draft<'_> {
    fn steps(&self) -> Vec<Step> {
        let pattern = Pattern::of(self.goal);
        let groups = &self.snapshot.assessment.groups;
        let (primaries, leaders) = self.primaries(pattern.each_primary);
        let replicas = self.replicas();
        let replicas = replicas.iter().flat_map(|replica| self.fill(pattern.each_replica, None, &replica.name, ""));
        let restored = groups.iter().flat_map(|group| {
            let leader = leaders.get(&group.name).map(String::as_str);
            self.restore_primary(pattern.each_restored, group, leader)
        });
        let middle: Vec<Step> = replicas.chain(primaries).chain(restored).collect();
        // First rows that are done already are left out.
        let first = self.fill(pattern.first, None, "", "");
        let mut steps: Vec<Step> = first.into_iter().filter(|step| !self.is_done(step)).collect();
        if middle.is_empty() {
            // No member will be away, so none has to be covered.
            steps.retain(|step| !matches!(step.kind(), StepKind::AddMember | StepKind::BeginTemporarySync));
        }
        let mut removal = self.remove_surge_replica(pattern.surge_replica, &steps);
        // A broken extra replica that is to go comes first: no other member may be touched before.
        if self.surge.as_ref().is_some_and(|surge| surge.is_withdrawn && !self.snapshot.is_well(&surge.name)) {
            steps.append(&mut removal);
        }
        steps.extend(middle);
        steps.append(&mut removal);
        // With no member to move there is nothing to hold the rollout for.
        if steps.iter().all(|step| step.kind() == StepKind::HoldRollout) {
            steps.clear();
        }
        // Services that lead to another member than the present primary are corrected before all else.
        let astray = groups.iter().filter_map(|group| {
            let route = RouteClients::of(self.snapshot, group, &group.primary()?.name)?;
            Some(Step::from(route)).filter(|step| !self.is_done(step))
        });
        steps.splice(0..0, astray);
        let last = RowContext { planned: &steps, ..self.row_context(None, "", "") };
        let last: Vec<Step> = pattern.last.iter().filter_map(|row| row.0.fill(&last)).collect();
        steps.extend(last);
        steps
    }

    /// Rows with their names filled in.
    fn fill(&self, rows: &[Row], group: Option<&ReplicaGroup>, member: &str, successor: &str) -> Vec<Step> {
        let context = self.row_context(group, member, successor);
        rows.iter().filter_map(|row| row.0.fill(&context)).collect()
    }

    fn row_context<'c>(
        &'c self,
        group: Option<&'c ReplicaGroup>,
        member: &'c str,
        successor: &'c str,
    ) -> RowContext<'c> {
        let Self { goal, snapshot, origin, .. } = *self;
        RowContext { goal, snapshot, origin, surge: self.surge.as_ref(), group, member, successor, planned: &[] }
    }

    fn is_done(&self, step: &Step) -> bool {
        let Self { goal, snapshot, policy, .. } = *self;
        step.status(&Situation { goal, snapshot, policy }) == StepStatus::Done
    }

    /// Replicas and peers that must move, broken ones first: the others may move only once those are repaired. A member of
    /// several groups moves once.
    fn replicas(&self) -> Vec<&MemberState> {
        let members = self.snapshot.assessment.groups.iter().flat_map(|group| &group.members);
        let mut replicas: Vec<&MemberState> =
            members.filter(|member| !self.snapshot.leads(&member.name) && self.moves(member)).collect();
        let mut met = BTreeSet::new();
        replicas.retain(|member| met.insert(&member.name));
        replicas.sort_by_key(|member| self.snapshot.is_well(&member.name));
        replicas
    }

    /// The end of the extra replica, where there is one or will be: it switches over first if it is a primary by then.
    fn remove_surge_replica(&self, rows: &[Row], before: &[Step]) -> Vec<Step> {
        let is_added = |step: &Step| step.kind() == StepKind::AddMember;
        let Some(surge) = self.surge.as_ref().filter(|surge| surge.is_there() || before.iter().any(is_added)) else {
            return Vec::new();
        };
        let led = self.snapshot.assessment.groups.iter().find_map(|group| {
            let primary = group.primary()?;
            (self.last_primary(group, primary) == surge.name).then_some((group, primary))
        });
        let Some((group, primary)) = led else {
            let context = self.row_context(None, &surge.name, "");
            let removals = rows.iter().filter(|row| row.0 == StepKind::RemoveMember);
            return removals.filter_map(|row| row.0.fill(&context)).collect();
        };
        let others = |name: &String| *name != surge.name;
        let successor = self.best_permanent(group, primary).or_else(|| Some(primary.name.clone()).filter(others));
        self.fill(rows, Some(group), &surge.name, &successor.unwrap_or_default())
    }

    /// Whether a member's pod is to be replaced. Not that of an extra replica which goes in the end, where it would have to
    /// switch over for that.
    fn moves(&self, member: &MemberState) -> bool {
        let surge = self.surge.as_ref().filter(|surge| surge.name == member.name);
        let stays = surge.is_some_and(|surge| surge.is_withdrawn || member.role == Role::Primary);
        !stays && moves(self.goal, self.snapshot, member)
    }
}
