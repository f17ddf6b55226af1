//! THINK. Which member is the primary of each group, at each point of a plan.

use std::collections::BTreeMap;

use stateful_safety::{MemberState, ReplicaGroup};

use super::{Draft, best_successor};
use crate::Goal;
use crate::patterns::Row;
use crate::steps::{Step, StepKind};

impl Draft<'_> {
    /// Steps for every primary that must move, a member at a time: each group of which it is the primary by then switches
    /// over, then the member itself is replaced, once. In most engines a member is the primary of one group; a broker is the
    /// primary of many of the many groups that it is in, and what one broker gave away the next may have to give away again.
    /// Also the primary of each group when all have moved; a group whose primary has no successor is missing there.
    pub(super) fn primaries(&self, rows: &[Row]) -> (Vec<Step>, BTreeMap<String, String>) {
        let groups = &self.snapshot.assessment.groups;
        let led_by = |group: &ReplicaGroup| Some((group.name.clone(), group.primary()?.name.clone()));
        let mut leaders: BTreeMap<String, String> = groups.iter().filter_map(led_by).collect();
        let mut moving: Vec<&str> = Vec::new();
        for primary in groups.iter().filter_map(ReplicaGroup::primary).filter(|primary| self.moves(primary)) {
            if !moving.contains(&primary.name.as_str()) {
                moving.push(&primary.name);
            }
        }
        let mut steps = Vec::new();
        for (index, name) in moving.iter().enumerate() {
            let led: Vec<&ReplicaGroup> =
                groups.iter().filter(|group| leaders.get(&group.name).is_some_and(|leader| leader == name)).collect();
            let successor = |group: &&ReplicaGroup| self.successor_after(group, name, &moving[..index]);
            let Some(successors) = led.iter().map(successor).collect::<Option<Vec<String>>>() else {
                leaders.retain(|_, leader| leader != name);
                continue; // preflight says why that will not do
            };
            for (place, (group, successor)) in led.iter().zip(successors).enumerate() {
                let last = place + 1 == led.len();
                let rows = rows.iter().filter(|row| last || row.0 != StepKind::ReplaceMember);
                let context = self.row_context(Some(group), name, &successor);
                steps.extend(rows.filter_map(|row| row.0.fill(&context)));
                leaders.insert(group.name.clone(), successor);
            }
        }
        (steps, leaders)
    }

    /// The primary of a group after a member that is its primary by then: a member that has moved already, so that the group
    /// does not have to switch over again; else the successor of the group's present primary.
    fn successor_after(&self, group: &ReplicaGroup, leader: &str, moved: &[&str]) -> Option<String> {
        let follows = |member: &&MemberState| member.name != leader && member.is_electable();
        let has_moved = group.members.iter().filter(follows).find(|member| moved.contains(&member.name.as_str()));
        has_moved.map(|member| member.name.clone()).or_else(|| self.successor(group, group.primary()?))
    }

    /// Makes the member that was the primary at the origin the primary again, whichever member is it when all have moved:
    /// where the user asked for it, and where that member would take the role back by itself soon after, when no operation
    /// watches over it.
    pub(super) fn restore_primary(&self, rows: &[Row], group: &ReplicaGroup, leader: Option<&str>) -> Vec<Step> {
        let Some(leader) = leader else { return Vec::new() };
        match self.restored_primary(group, leader) {
            Some(before) if leader != before => self.fill(rows, Some(group), leader, &before),
            Some(_) | None => Vec::new(),
        }
    }

    /// The primary of a group at the end of the plan, the extra replica's own switchover apart.
    pub(super) fn last_primary(&self, group: &ReplicaGroup, primary: &MemberState) -> String {
        let moved = if self.moves(primary) { self.successor(group, primary) } else { None };
        let leader = moved.unwrap_or_else(|| primary.name.clone());
        self.restored_primary(group, &leader).unwrap_or(leader)
    }

    /// The member that becomes the primary of a group again, where it is to.
    fn restored_primary(&self, group: &ReplicaGroup, leader: &str) -> Option<String> {
        let before = group.members.iter().find(|member| self.origin.primaries.contains(&member.name))?;
        let asked = matches!(self.goal, Goal::Upgrade { restore_primaries: true, .. });
        let takes_it = group.member(leader).is_some_and(|leader| before.priority > leader.priority);
        (asked || takes_it).then(|| before.name.clone())
    }

    /// The next primary of a group: the member the goal names, else the best replica, else the broken one that is replaced
    /// first, else the extra replica.
    fn successor(&self, group: &ReplicaGroup, primary: &MemberState) -> Option<String> {
        if let Goal::Switchover { member } = self.goal {
            return group.member(member).map(|member| member.name.clone());
        }
        let best = || best_successor(self.snapshot, group, primary).or_else(|| self.repaired(group));
        let surge = || self.surge.as_ref().filter(|surge| !surge.is_withdrawn && surge.is_or_may_be());
        self.best_permanent(group, primary)
            .or_else(|| best().map(|member| member.name.clone()))
            .or_else(|| surge().map(|surge| surge.name.clone()))
    }

    /// The best replica except for the extra one, which goes in the end.
    pub(super) fn best_permanent(&self, group: &ReplicaGroup, primary: &MemberState) -> Option<String> {
        let mut others = group.clone();
        others.members.retain(|member| self.surge.as_ref().is_none_or(|surge| surge.name != member.name));
        best_successor(self.snapshot, &others, primary).map(|member| member.name.clone())
    }

    /// The broken member that is replaced first: with no other member in sync it is the one that can become the primary,
    /// once it is in sync.
    fn repaired<'g>(&self, group: &'g ReplicaGroup) -> Option<&'g MemberState> {
        let first = *self.replicas().first().filter(|_| matches!(self.goal, Goal::Upgrade { repair: true, .. }))?;
        group.member(&first.name).filter(|member| !self.snapshot.is_well(&member.name))
    }
}
