//! THINK. A `PodDisruptionBudget`, of either version of its API.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::core::{Selector, SelectorExt};
use serde_json::Value;
use stateful_safety::{BudgetAmount, BudgetTerms};

use crate::metadata::Labels;
use crate::{Error, Result};

/// A disruption budget.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// The selector of its pods; `None` selects none.
    selector: Option<Selector>,
    /// What it says.
    pub terms: BudgetTerms,
}

impl Budget {
    /// Reads a budget of an admission request (`policy/v1`, or `policy/v1beta1` with the same fields). In `v1beta1` an empty
    /// selector selects nothing, in `v1` everything. [`Error::Answer`] when it cannot be read.
    pub fn read(object: &Value) -> Result<Self> {
        let old = object.get("apiVersion").and_then(Value::as_str) == Some("policy/v1beta1");
        let mut object = object.clone();
        if let Some(version) = object.get_mut("apiVersion") {
            *version = Value::from("policy/v1");
        }
        let budget: PodDisruptionBudget =
            serde_json::from_value(object).map_err(|error| Error::Answer(error.to_string()))?;
        let mut budget = Self::of(&budget)?;
        if old && budget.selector.as_ref().is_some_and(Selector::selects_all) {
            budget.selector = None;
        }
        Ok(budget)
    }

    pub(crate) fn of(budget: &PodDisruptionBudget) -> Result<Self> {
        let spec = budget.spec.clone().unwrap_or_default();
        let selector = spec.selector.map(Selector::try_from).transpose();
        Ok(Self {
            name: budget.metadata.name.clone().unwrap_or_default(),
            selector: selector.map_err(|error| Error::Answer(error.to_string()))?,
            terms: BudgetTerms {
                min_available: amount(spec.min_available)?,
                max_unavailable: amount(spec.max_unavailable)?,
            },
        })
    }

    /// Whether it selects pods with these labels.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}

fn amount(given: Option<IntOrString>) -> Result<Option<BudgetAmount>> {
    match given {
        None => Ok(None),
        Some(IntOrString::Int(pods)) => Ok(Some(BudgetAmount::Pods(i64::from(pods)))),
        Some(IntOrString::String(text)) => {
            let share = text.strip_suffix('%').and_then(|share| share.parse().ok());
            share
                .map(|share| Some(BudgetAmount::Percent(share)))
                .ok_or_else(|| Error::Answer(format!("{text} is neither a number nor a percentage")))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Budget;
    use crate::metadata::Labels;

    fn labels() -> Labels {
        Labels::from([("app".to_owned(), "redis".to_owned())])
    }

    #[test]
    fn an_empty_selector_selects_all_in_v1_and_none_in_v1beta1() {
        let with = |version: &str, selector: serde_json::Value| {
            let object = json!({"apiVersion": version, "kind": "PodDisruptionBudget", "metadata": {"name": "b"},
                "spec": {"maxUnavailable": 1, "selector": selector}});
            Budget::read(&object).expect("a budget").selects(&labels())
        };
        assert!(with("policy/v1", json!({})));
        assert!(!with("policy/v1beta1", json!({})));
        assert!(!with("policy/v1", json!(null)));
        assert!(with(
            "policy/v1",
            json!({"matchExpressions": [{"key": "app", "operator": "In", "values": ["redis"]}]})
        ));
        assert!(!with("policy/v1", json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]})));
    }

    #[test]
    fn an_unreadable_budget_is_an_error() {
        assert!(Budget::read(&json!({"spec": {"minAvailable": []}})).is_err());
        assert!(Budget::read(&json!({"metadata": {"name": "b"}, "spec": {"minAvailable": "half"}})).is_err());
    }
}
