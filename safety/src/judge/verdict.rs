//! The one judge: may this be done to that database now?

use super::check_input::CheckInput;
use super::checks;
use super::disruption::Disruption;
use crate::model::{Assessment, Millis, Policy, Workload};
use crate::reasons::Reason;

/// What is known when the question is asked.
#[derive(Debug, Clone, Copy)]
pub struct JudgeInput<'a> {
    /// The workload as Kubernetes has it.
    pub workload: &'a Workload,
    /// The newest assessment by its engine, if there is one.
    pub assessment: Option<&'a Assessment>,
    /// Members whose eviction was allowed and which no assessment has yet seen gone. Two disruptions, each safe
    /// alone, can be fatal together: these count as gone.
    pub promised: &'a [String],
}

/// The judge's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is safe.
    Allow,
    /// It is not, for all of these reasons; never empty.
    Refuse(Vec<Reason>),
}

impl Verdict {
    /// The reasons against; none when it is safe.
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Allow => &[],
            Self::Refuse(reasons) => reasons,
        }
    }

    /// Whether it is safe.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow)
    }
}

/// A question the judge asks: every reason it finds against the disruption.
pub(crate) type Check = fn(&CheckInput<'_>) -> Vec<Reason>;

/// The questions, in the order in which their reasons are shown: first what makes the rest worth reading (is it a
/// member, do the members agree), then what would be lost, then what would merely take long.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("members-known", checks::members_known),
    ("engine-idle", checks::engine_idle),
    ("primary-stays", checks::primary_stays),
    ("one-at-a-time", checks::one_at_a_time),
    ("writes-survive", checks::writes_survive),
    ("quorum-survives", checks::quorum_survives),
    ("storage-kept", checks::storage_kept),
    ("successor-ready", checks::successor_ready),
    ("no-primary", checks::no_primary),
];

/// Judges a disruption. Pure: the same arguments give the same verdict, and what is not known is a reason to refuse.
pub fn judge(policy: &Policy, known: JudgeInput<'_>, disruption: &Disruption, now: Millis) -> Verdict {
    let Some(assessment) = known.assessment else {
        return Verdict::Refuse(vec![never_looked()]);
    };
    let age = age(assessment, now);
    if age > policy.max_age {
        return Verdict::Refuse(vec![Reason::Stale { age, limit: policy.max_age }]);
    }
    let input = CheckInput { policy, workload: known.workload, assessment, promised: known.promised, disruption };
    let reasons: Vec<Reason> = CHECKS
        .iter()
        .flat_map(|(_, check)| check(&input))
        .filter(|reason| !(reason.may_be_accepted() && policy.accepted.contains(reason.code())))
        .collect();
    if reasons.is_empty() { Verdict::Allow } else { Verdict::Refuse(reasons) }
}

/// Whether every member is well, apart from `except`: the question between two steps. All reasons against.
///
/// Stricter than any one disruption: every pod ready and in its group, every replica in sync, all members agreeing.
pub fn everyone_in_sync(policy: &Policy, known: JudgeInput<'_>, except: Option<&str>, now: Millis) -> Vec<Reason> {
    let Some(assessment) = known.assessment else {
        return vec![never_looked()];
    };
    let age = age(assessment, now);
    if age > policy.max_age {
        return vec![Reason::Stale { age, limit: policy.max_age }];
    }
    let at_most = Disruption::Take { members: except.into_iter().map(ToOwned::to_owned).collect() };
    let input =
        CheckInput { policy, workload: known.workload, assessment, promised: known.promised, disruption: &at_most };
    let mut reasons = checks::engine_idle(&input);
    reasons.extend(checks::everyone_there(&input, except));
    reasons
}

/// How old an assessment is. One from the future is as little to be trusted as one as long ago: a clock was set.
fn age(assessment: &Assessment, now: Millis) -> Millis {
    now.saturating_sub(assessment.taken_at).saturating_abs()
}

pub(super) fn never_looked() -> Reason {
    Reason::NotAssessed { why: "no look at it has ended yet".to_owned() }
}
