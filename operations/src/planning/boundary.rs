//! THINK. From which step on a rollback is impossible.

use stateful_safety::Version;

use super::Draft;
use crate::Goal;
use crate::plan::affected_members::target_image;
use crate::steps::{Step, StepKind};

impl Draft<'_> {
    /// The first step after which a member has files of a newer release than the image before could read. Where an image's
    /// tag names no version, its release is not known, so the first member counts.
    pub(super) fn boundary(&self, steps: &[Step]) -> Option<usize> {
        let target = target_image(self.goal, self.snapshot);
        if matches!(self.goal, Goal::Finalize { .. }) {
            return (!steps.is_empty()).then_some(0);
        }
        if !matches!(self.goal, Goal::Upgrade { .. }) || target == self.origin.image {
            return None;
        }
        let assessment = &self.snapshot.assessment;
        let members = assessment.groups.iter().flat_map(|group| &group.members);
        let mut running = members.filter_map(|member| member.version.as_ref());
        let newer = Version::of_image(target).is_none_or(|target| {
            !running.all(|version| assessment.can_open(version, &target, self.snapshot.workload.engine))
        });
        newer.then(|| steps.iter().position(|step| step.kind() == StepKind::ReplaceMember)).flatten()
    }
}
