//! Is every member there? Between two steps of an operation no member may be missing, whichever group comes next.

use crate::judge::check_input::CheckInput;
use crate::model::Member;
use crate::reasons::Reason;

use super::one_at_a_time::away;

/// Every reason why a member, apart from `except`, is not there: no pod, a pod not ready, a member behind or silent.
pub(crate) fn everyone_there(input: &CheckInput<'_>, except: Option<&str>) -> Vec<Reason> {
    let counts = |name: &str| Some(name) != except;
    let absent = input.workload.absent();
    let mut reasons: Vec<Reason> = absent
        .iter()
        .filter(|name| counts(name))
        .map(|name| Reason::PodNotReady { member: name.clone(), why: "there is no pod".to_owned() })
        .collect();
    for member in input.workload.members.iter().filter(|member| counts(&member.name)) {
        reasons.extend(unready(member));
        if input.assessment.group_of(&member.name).is_none() && member.ready {
            reasons.push(Reason::NotAMember { member: member.name.clone() });
        }
    }
    for group in &input.assessment.groups {
        let others = group.members.iter().filter(|member| counts(&member.name));
        let told = |name: &str| {
            reasons.iter().any(|reason| matches!(reason, Reason::PodNotReady { member, .. } if member == name))
        };
        let found: Vec<Reason> =
            others.filter(|member| !told(&member.name)).filter_map(|member| away(input, group, member)).collect();
        reasons.extend(found);
    }
    reasons
}

fn unready(member: &Member) -> Option<Reason> {
    let why = if member.terminating {
        "it is being deleted".to_owned()
    } else if member.ready {
        return None;
    } else {
        member.waiting.clone().unwrap_or_else(|| "one of its containers or readiness gates is not ready".to_owned())
    };
    Some(Reason::PodNotReady { member: member.name.clone(), why })
}

#[cfg(test)]
mod tests {
    use crate::{Member, Reason, Storage};

    #[test]
    fn a_pod_that_is_not_ready_is_not_said_to_have_a_readiness_probe() {
        let member = Member {
            name: "db-0".to_owned(),
            uid: "u".to_owned(),
            node: None,
            address: None,
            revision: String::new(),
            image: String::new(),
            ready: false,
            terminating: false,
            storage: Storage::VolumeClaim,
            waiting: None,
            never_started: false,
        };
        let Some(Reason::PodNotReady { why, .. }) = super::unready(&member) else { panic!("it is not ready") };
        assert!(!why.contains("probe"), "{why}");
        let waits = Member { waiting: Some("ErrImagePull".to_owned()), ..member };
        let told = super::unready(&waits);
        assert!(
            matches!(told, Some(Reason::PodNotReady { why, .. }) if why == "ErrImagePull"),
            "what the kubelet says"
        );
    }
}
