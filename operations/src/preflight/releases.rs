//! THINK. The checks about releases: can every member read its files with the one that it is given?

use stateful_safety::{Policy, Reason, Version, VersionSkew};

use super::members::replaced_members;
use crate::plan::affected_members::target_image;
use crate::steps::{Situation, StepKind};
use crate::{Plan, Snapshot};

pub(super) fn one_release(plan: &Plan, snapshot: &Snapshot, policy: &Policy) -> Vec<Reason> {
    let situation = Situation { goal: &plan.goal, snapshot, policy };
    let finalizes = plan.steps.iter().filter(|step| step.kind() == StepKind::Finalize);
    finalizes.flat_map(|step| step.reasons_against(&situation)).collect()
}

pub(super) fn version_forward(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
    let image = target_image(&plan.goal, snapshot);
    let Some(target) = Version::of_image(image) else {
        return Vec::new(); // each switchover's gate compares the versions that really run
    };
    let engine = snapshot.workload.engine;
    let replaced = replaced_members(plan).filter_map(|member| snapshot.assessment.member(member));
    replaced
        .filter_map(|member| {
            let (version, name) = (member.version.clone()?, member.name.clone());
            if !engine.releases.rolls_across && target.is_another_release_than(&version, engine) {
                return Some(Reason::Release(VersionSkew::AnotherRelease {
                    member: name,
                    version,
                    image: image.to_owned(),
                    engine,
                }));
            }
            if !snapshot.assessment.can_open(&target, &version, engine) {
                return Some(Reason::Release(VersionSkew::FilesTooNew {
                    member: name,
                    version,
                    image: image.to_owned(),
                }));
            }
            if !version.is_older_release_than(&target, engine) {
                return None;
            }
            let features = snapshot.assessment.feature_release.clone();
            match features.filter(|features| features.is_older_release_than(&version, engine)) {
                Some(features) => Some(Reason::Release(VersionSkew::NotFinalized { features, version, engine })),
                None => (!target.follows_release_of(&version, engine)).then(|| {
                    let image = image.to_owned();
                    Reason::Release(VersionSkew::ReleaseSkipped { member: name, version, image, engine })
                }),
            }
        })
        .collect()
}
