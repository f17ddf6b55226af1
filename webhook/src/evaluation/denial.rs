//! THINK. Words a denial: one line with what, why with number and limit, and the command to type next.

use stateful_safety::Reason;

use super::guarded_pod::{GuardedPod, RemovalKind};
use crate::admission::response::Cause;

/// Whether neither waiting nor a switchover will ever make the removal safe.
pub(crate) fn is_permanent(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| {
        matches!(reason, Reason::OnlyCopy { .. } | Reason::StorageNotKept { .. } | Reason::NoPersistence { .. })
    })
}

/// The denial as the caller sees it. `switches_over`: the guard moves the primary away by itself.
pub(crate) fn message(pod: &GuardedPod, kind: RemovalKind, reasons: &[Reason], switches_over: bool) -> String {
    let (name, id) = (&pod.pod.member.name, &pod.set.workload.id);
    let target = format!("{} -n {}", id.name, id.namespace);
    // When the guard moves the primary away, the denial names what delays that switchover.
    let is_handled = |reason: &Reason| switches_over && matches!(reason, Reason::PrimaryTaken { .. });
    let others: Vec<Reason> = reasons.iter().filter(|reason| !is_handled(reason)).cloned().collect();
    let Some(first) = most_telling(&others).or_else(|| most_telling(reasons)) else {
        return format!("{name} of {id} may not be {}", kind.participle());
    };
    let more = match reasons.len() {
        0 | 1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let now = if is_permanent(reasons) { "" } else { " now" };
    let next = match first {
        Reason::PrimaryTaken { .. } if switches_over => {
            "the guard is switching over to a replica, try again in a moment".to_owned()
        }
        reason if is_permanent(reasons) && !matches!(reason, Reason::OnlyCopy { .. }) => {
            let step = reason.next_step(&target);
            format!("{step}; or kubectl stateful guard approve {name} -n {} --reason TEXT", id.namespace)
        }
        reason => reason.next_step(&target),
    };
    format!("{name} of {id} may not be {}{now}: {first} ({}){more}; {next}", kind.participle(), first.code())
}

/// Whether a condition of the database, which waiting does not end, keeps a switchover from it.
pub(crate) fn is_kept_from_switchover(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| matches!(reason, Reason::Blocked(_)) && !reason.may_pass())
}

/// The reason that explains most: one that is permanent, then a server that does not answer (it explains what else is
/// unknown), then what keeps the primary from switching over (that it is the primary would lead to advice that is refused), then
/// the first.
fn most_telling(reasons: &[Reason]) -> Option<&Reason> {
    let permanent = |reason: &&Reason| is_permanent(std::slice::from_ref(*reason));
    let silent = |reason: &&Reason| matches!(reason, Reason::NotAnswering { .. });
    let kept = |reason: &&Reason| is_kept_from_switchover(std::slice::from_ref(*reason));
    let find = |is: &dyn Fn(&&Reason) -> bool| reasons.iter().find(is);
    find(&permanent).or_else(|| find(&silent)).or_else(|| find(&kept)).or(reasons.first())
}

/// Every reason, for programs.
pub(crate) fn causes(reasons: &[Reason]) -> Vec<Cause> {
    reasons.iter().map(|reason| Cause { code: reason.code().to_owned(), message: reason.to_string() }).collect()
}

#[cfg(test)]
mod tests;
