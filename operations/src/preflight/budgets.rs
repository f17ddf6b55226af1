//! THINK. Whether the API server would ever grant the evictions that a plan needs. It refuses for ever a pod that two budgets count
//! (500), and one whose budget lets no pod go although all are well (429): known before anything is touched, not after the primary
//! has moved.

use stateful_safety::{ConfigViolation, MemberBudget, Policy, Reason};

use super::added_member;
use crate::steps::ReplaceMember;
use crate::{Plan, Snapshot, Step};

/// Whether any budget counts a member that the plan evicts.
pub(super) fn are_over(plan: &Plan, snapshot: &Snapshot) -> bool {
    over(plan, snapshot).next().is_some()
}

/// Every budget that will never let a member go that the plan evicts, and every two that count the same one.
pub(super) fn budgets_met(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
    let over: Vec<&MemberBudget> = over(plan, snapshot).collect();
    // A budget with a plain number counts the pods that are there; those that are coming back, and one that is added, come to it.
    let missing = snapshot.workload.absent().len() + usize::from(added_member(plan).is_some());
    let never = over.iter().filter_map(|budget| never_lets_go(budget, i64::try_from(missing).unwrap_or(i64::MAX)));
    let overlap = |(one, other): (&MemberBudget, &MemberBudget)| {
        let counts_both = evicted(plan, snapshot).any(|evicted| counts(one, evicted) && counts(other, evicted));
        counts_both.then(|| ConfigViolation::BudgetsOverlap {
            budget: one.name.clone(),
            other: other.name.clone(),
            database: snapshot.workload.id.name.clone(),
        })
    };
    let pairs = over.iter().enumerate().flat_map(|(index, one)| over[index + 1..].iter().map(|other| (*one, *other)));
    let overlaps = pairs.filter_map(overlap);
    never.chain(overlaps).map(Reason::Declared).collect()
}

/// A budget under which no eviction is ever granted, with so many pods more; nothing where it is not known how many it counts.
fn never_lets_go(budget: &MemberBudget, more: i64) -> Option<ConfigViolation> {
    let pods = budget.expected.filter(|expected| *expected > 0)?.saturating_add(more);
    let (says, budget, stay) = (budget.terms.to_string(), &budget.name, budget.terms.must_stay(pods, pods));
    (stay >= pods).then(|| ConfigViolation::NeverDrainable { budget: budget.clone(), says, pods })
}

/// The budgets that count a member when the plan evicts it. What one that counts by role counts by then is not known: members switch
/// over first.
fn over<'a>(plan: &'a Plan, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a MemberBudget> {
    let counts_any = |budget: &MemberBudget| evicted(plan, snapshot).any(|evicted| counts(budget, evicted));
    snapshot.workload.budgets.iter().filter(move |budget| !budget.by_role && counts_any(budget))
}

fn counts(budget: &MemberBudget, member: &str) -> bool {
    budget.members.iter().any(|counted| counted == member)
}

/// The members whose pods the plan evicts, but for those that are not ready: the API server may let them go whatever budgets say.
fn evicted<'a>(plan: &'a Plan, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a str> {
    let replaced = plan.steps.iter().filter_map(|step| match step {
        Step::ReplaceMember(ReplaceMember { member }) => Some(member.as_str()),
        _ => None,
    });
    replaced.filter(|member| snapshot.workload.member(member).is_some_and(|pod| pod.ready))
}

#[cfg(test)]
mod tests {
    use stateful_safety::{BudgetAmount, BudgetTerms, MemberBudget};

    use super::never_lets_go;

    fn budget(min: Option<BudgetAmount>, max: Option<BudgetAmount>, expected: Option<i64>) -> MemberBudget {
        let terms = BudgetTerms { min_available: min, max_unavailable: max };
        MemberBudget { name: "b".to_owned(), terms, members: vec!["redis-0".to_owned()], by_role: false, expected }
    }

    #[test]
    fn a_budget_that_all_pods_well_do_not_satisfy_never_lets_one_go() {
        use BudgetAmount::{Percent, Pods};
        for (min, max, never) in [
            (Some(Pods(3)), None, true),
            (Some(Percent(100)), None, true),
            (None, Some(Pods(0)), true),
            (None, Some(Percent(0)), true),
            (None, None, true),
            (Some(Pods(2)), None, false),
            (Some(Percent(51)), None, false),
            (None, Some(Percent(1)), false),
        ] {
            assert_eq!(never_lets_go(&budget(min, max, Some(3)), 0).is_some(), never, "{min:?} {max:?}");
            assert!(never_lets_go(&budget(min, max, None), 0).is_none(), "it is not known what it counts");
        }
        assert!(never_lets_go(&budget(Some(Pods(3)), None, Some(3)), 1).is_none(), "an extra replica is one to spare");
        assert!(never_lets_go(&budget(Some(Percent(100)), None, Some(3)), 1).is_some());
    }
}
