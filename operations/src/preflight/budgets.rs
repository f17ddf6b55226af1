//! THINK. Whether the API server would ever grant the evictions that a plan needs. It refuses for ever a pod that two budgets count
//! (500), and one whose budget lets no pod go although all are well (429): known before anything is touched, not after the primary
//! has moved.

use stateful_safety::{ConfigViolation, MemberBudget, Policy, Reason};

use super::added_member;
use crate::steps::{ReplaceMember, SwitchOver};
use crate::{Plan, Snapshot, Step};

/// Whether any budget counts a member that the plan evicts.
pub(super) fn are_over(plan: &Plan, snapshot: &Snapshot) -> bool {
    over(plan, snapshot).next().is_some()
}

/// Every budget that will never let a member go that the plan evicts, and every two that count the same one.
pub(super) fn budgets_met(plan: &Plan, snapshot: &Snapshot, _policy: &Policy) -> Vec<Reason> {
    let over: Vec<&MemberBudget> = over(plan, snapshot).collect();
    let added = i64::from(added_member(plan).is_some());
    let never = over.iter().filter_map(|budget| never_lets_go(budget, added));
    let overlap = |(one, other): (&MemberBudget, &MemberBudget)| {
        let is_evicted = |member: &String| evicted(plan).any(|evicted| evicted == member);
        let counts_both = one.members.iter().any(|member| is_evicted(member) && other.members.contains(member));
        // The one that counts more pods is kept: no pod is left without a budget for it.
        let (kept, other) = if one.expected >= other.expected { (one, other) } else { (other, one) };
        counts_both.then(|| ConfigViolation::BudgetsOverlap {
            budget: kept.name.clone(),
            other: other.name.clone(),
            database: snapshot.workload.id.name.clone(),
        })
    };
    let pairs = over.iter().enumerate().flat_map(|(index, one)| over[index + 1..].iter().map(|other| (*one, *other)));
    let overlaps = pairs.filter_map(overlap);
    never.chain(overlaps).map(Reason::Declared).collect()
}

/// A budget under which no eviction is ever granted, with so many pods more; nothing where it is not known how many it counts.
fn never_lets_go(budget: &MemberBudget, added: i64) -> Option<ConfigViolation> {
    let pods = budget.expected.filter(|expected| *expected > 0)?.saturating_add(added);
    let (says, budget, stay) = (budget.terms.to_string(), &budget.name, budget.terms.must_stay(pods, pods));
    (stay >= pods).then(|| ConfigViolation::NeverDrainable { budget: budget.clone(), says, pods })
}

/// The budgets that count a member when the plan evicts it. One that counts primaries alone, by a label of their role, as an operator
/// makes it, counts another member by then: they switch over first.
fn over<'a>(plan: &'a Plan, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a MemberBudget> {
    let switches_over = |member: &String| {
        plan.steps.iter().any(|step| matches!(step, Step::SwitchOver(SwitchOver { from, .. }) if from == member))
    };
    let by_role = move |budget: &MemberBudget| {
        budget.members.len() < snapshot.workload.members.len() && budget.members.iter().all(switches_over)
    };
    let counts_any =
        |budget: &MemberBudget| evicted(plan).any(|evicted| budget.members.iter().any(|member| member == evicted));
    snapshot.workload.budgets.iter().filter(move |budget| counts_any(budget) && !by_role(budget))
}

/// The members whose pods the plan evicts.
fn evicted(plan: &Plan) -> impl Iterator<Item = &str> {
    plan.steps.iter().filter_map(|step| match step {
        Step::ReplaceMember(ReplaceMember { member }) => Some(member.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use stateful_safety::{BudgetAmount, BudgetTerms, MemberBudget};

    use super::never_lets_go;

    fn budget(min: Option<BudgetAmount>, max: Option<BudgetAmount>, expected: Option<i64>) -> MemberBudget {
        let terms = BudgetTerms { min_available: min, max_unavailable: max };
        MemberBudget { name: "b".to_owned(), terms, members: vec!["redis-0".to_owned()], expected }
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
