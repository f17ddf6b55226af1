//! THINK. What is said to whoever is refused: one line with what, why, the number and the limit, and what to type.

use stateful_safety::Reason;

use crate::admission_response::Cause;
use crate::pod_removal::Target;

/// How a member is about to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    Eviction,
    Deletion,
}

impl Taking {
    /// The rule's name.
    pub(crate) const fn rule(self) -> &'static str {
        match self {
            Self::Eviction => "eviction",
            Self::Deletion => "deletion",
        }
    }

    const fn participle(self) -> &'static str {
        match self {
            Self::Eviction => "evicted",
            Self::Deletion => "deleted",
        }
    }
}

/// Whether neither waiting nor a switchover will ever make it safe.
pub(crate) fn is_for_ever(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| {
        matches!(reason, Reason::OnlyCopy { .. } | Reason::StorageNotKept { .. } | Reason::NoPersistence { .. })
    })
}

/// The refusal, as the person sees it.
pub(crate) fn refusal(target: &Target, how: Taking, reasons: &[Reason], switches_over: bool) -> String {
    let (pod, id) = (&target.pod.member.name, &target.set.workload.id);
    let typed = format!("{} -n {}", id.name, id.namespace);
    // Where the guard moves the primary away by itself, what stands in the way of that is what there is to tell.
    let is_handled = |reason: &Reason| switches_over && matches!(reason, Reason::PrimaryTaken { .. });
    let others: Vec<Reason> = reasons.iter().filter(|reason| !is_handled(reason)).cloned().collect();
    let Some(first) = telling(&others).or_else(|| telling(reasons)) else {
        return format!("{pod} of {id} may not be {}", how.participle());
    };
    let more = match reasons.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let now = if is_for_ever(reasons) { "" } else { " now" };
    let next = match first {
        Reason::PrimaryTaken { .. } if switches_over => "the guard switches over, ask again in a moment".to_owned(),
        reason if is_for_ever(reasons) && !matches!(reason, Reason::OnlyCopy { .. }) => {
            let step = reason.next_step(&typed);
            format!("{step}; or kubectl stateful guard approve {pod} -n {} --reason TEXT", id.namespace)
        }
        reason => reason.next_step(&typed),
    };
    format!("{pod} of {id} may not be {}{now}: {first} ({}){more}; {next}", how.participle(), first.code())
}

/// The reason that tells most: what stands for ever, then a server that does not answer (it explains what else is not
/// known), then the first.
fn telling(reasons: &[Reason]) -> Option<&Reason> {
    let lasting = |reason: &&Reason| is_for_ever(std::slice::from_ref(*reason));
    let silent = |reason: &&Reason| matches!(reason, Reason::NotAnswering { .. });
    reasons.iter().find(lasting).or_else(|| reasons.iter().find(silent)).or(reasons.first())
}

/// Every reason, for programs.
pub(crate) fn causes(reasons: &[Reason]) -> Vec<Cause> {
    reasons.iter().map(|reason| Cause { code: reason.code().to_owned(), message: reason.to_string() }).collect()
}
