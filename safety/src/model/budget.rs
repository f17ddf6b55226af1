//! Disruption budgets over a database's members, as the API server counts them.

use serde::Serialize;

/// A number of pods, or a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum BudgetAmount {
    /// A number of pods.
    Pods(i64),
    /// A percentage of the selected pods.
    Percent(i64),
}

impl BudgetAmount {
    /// The number of pods out of `total`; percentages are rounded up, as the disruption controller does
    /// (`GetScaledValueFromIntOrPercent(…, true)` for both fields).
    pub fn of(self, total: usize) -> i64 {
        let total = i64::try_from(total).unwrap_or(i64::MAX);
        match self {
            Self::Pods(pods) => pods,
            Self::Percent(share) => share.saturating_mul(total).saturating_add(99).div_euclid(100),
        }
    }
}

impl std::fmt::Display for BudgetAmount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pods(pods) => write!(f, "{pods}"),
            Self::Percent(share) => write!(f, "{share}%"),
        }
    }
}

/// What a budget says: of its two fields at most one is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BudgetTerms {
    /// `minAvailable`
    pub min_available: Option<BudgetAmount>,
    /// `maxUnavailable`
    pub max_unavailable: Option<BudgetAmount>,
}

impl BudgetTerms {
    /// How many pods must stay, of `pods` that there are and of `declared` that all owners declare; with neither field all.
    /// Counted as the disruption controller does (`pkg/controller/disruption`, `getExpectedPodCount`): `maxUnavailable` and
    /// percentages are of the pods that are declared.
    pub fn must_stay(&self, pods: i64, declared: i64) -> i64 {
        let total = usize::try_from(declared).unwrap_or(usize::MAX);
        match (self.max_unavailable, self.min_available) {
            (Some(go), _) => declared.saturating_sub(go.of(total)).max(0),
            (None, Some(stay)) => stay.of(total),
            (None, None) => pods,
        }
    }
}

impl std::fmt::Display for BudgetTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.max_unavailable, self.min_available) {
            (Some(go), _) => write!(f, "maxUnavailable {go}"),
            (None, Some(stay)) => write!(f, "minAvailable {stay}"),
            (None, None) => f.write_str("neither minAvailable nor maxUnavailable"),
        }
    }
}

/// A disruption budget that counts members of a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberBudget {
    /// Its name.
    pub name: String,
    /// What it says.
    pub terms: BudgetTerms,
    /// The members that it counts, by pod name.
    pub members: Vec<String>,
    /// Whether it counts pods by a label that is in no pod template, as an operator marks a role: after a switchover it counts others.
    pub by_role: bool,
    /// All pods that it counts (`status.expectedPods`); none while the controller has not seen its newest version.
    pub expected: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::BudgetAmount;

    #[test]
    fn a_percentage_is_rounded_up_as_by_the_controller() {
        assert_eq!(BudgetAmount::Percent(50).of(5), 3);
        assert_eq!(BudgetAmount::Percent(100).of(3), 3);
        assert_eq!(BudgetAmount::Percent(0).of(3), 0);
        assert_eq!(BudgetAmount::Percent(1).of(3), 1);
    }
}
