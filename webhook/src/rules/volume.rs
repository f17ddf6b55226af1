//! THINK. The volumes behind claims of guarded namespaces (`persistentvolumes` CREATE and UPDATE).
//!
//! What it stops. A disk that is deleted with its claim. A volume created with the reclaim policy Delete, as most storage
//! classes create them, is changed to Retain and labelled; a change of Retain into anything else is refused.
//!
//! Why a budget is not enough. Budgets count pods; a volume is no pod.
//!
//! How kubectl drain takes it. It changes no volume.
//!
//! How to pass. Once its claim is deleted for good, give the volume up in a step of its own: remove the label
//! `kubectl-stateful.dev/guard` and `spec.claimRef`. A released volume that still names its claim does not pass: it is the
//! last copy of what may have been deleted by mistake.
//!
//! The label is there for the API server's own policy (`manifests/policies`), which sees the volume alone and cannot look
//! up whether its claim's namespace is guarded.

use serde_json::{Value, json};
use stateful_cluster::guard::names::GUARD_LABEL;
use stateful_cluster::inventory::{Model, SetFacts};
use stateful_safety::ConfigViolation;

use crate::admission::request::AdmissionRequest;
use crate::admission::response::AdmissionResponse;
use crate::rules::{object_rules, volume_claim};

/// Refuses a change away from Retain.
pub(crate) fn evaluate(request: &AdmissionRequest, model: &Model) -> AdmissionResponse {
    let (Some(object), Some(old)) = (&request.object, &request.old_object) else {
        return AdmissionResponse::allow();
    };
    if policy(old) != "Retain" || policy(object) == "Retain" {
        return AdmissionResponse::allow();
    }
    // An update may remove the claim and change the policy at once: the old claim counts too.
    let refused = [old, object].into_iter().find_map(|one| {
        let claim = VolumeClaim::of(one).filter(|claim| claim.is_guarded(model));
        let named = claim
            .as_ref()
            .map(VolumeClaim::to_string)
            .or_else(|| object_rules::is_labelled(old).then(|| "a guarded claim".to_owned()))?;
        let violation =
            ConfigViolation::VolumeNotKept { volume: object_rules::name(request), claim: named, says: policy(object) };
        Some((violation, claim.map(|claim| claim.databases(model)).unwrap_or_default()))
    });
    let Some((violation, about)) = refused else {
        return AdmissionResponse::allow();
    };
    object_rules::respond(request, model, &about, &[violation], &[])
}

/// Changes a new volume to Retain, and labels it.
pub(crate) fn retain(request: &AdmissionRequest, model: &Model) -> AdmissionResponse {
    let Some(object) = &request.object else {
        return AdmissionResponse::allow();
    };
    let Some(claim) = VolumeClaim::of(object).filter(|claim| claim.is_guarded(model)) else {
        return AdmissionResponse::allow();
    };
    let mut fields = Vec::new();
    let violation = (policy(object) != "Retain").then(|| {
        fields.push((["spec", "persistentVolumeReclaimPolicy"].as_slice(), json!("Retain")));
        ConfigViolation::VolumeNotKept {
            volume: object_rules::name(request),
            claim: claim.to_string(),
            says: policy(object),
        }
    });
    match object.pointer("/metadata/labels") {
        None | Some(Value::Null) => {
            fields.push((["metadata", "labels"].as_slice(), json!({GUARD_LABEL: "enabled"})));
        }
        Some(_) if object_rules::is_labelled(object) => {}
        Some(_) => fields.push((["metadata", "labels", GUARD_LABEL].as_slice(), json!("enabled"))),
    }
    if fields.is_empty() {
        return AdmissionResponse::allow();
    }
    object_rules::respond_with_fix(request, model, &claim.databases(model), violation.as_slice(), fields)
}

/// The claim a volume is bound to, or kept for, as far as it can be read.
struct VolumeClaim {
    namespace: Option<String>,
    name: Option<String>,
}

impl VolumeClaim {
    fn of(object: &Value) -> Option<Self> {
        let reference = object.pointer("/spec/claimRef").filter(|reference| !reference.is_null())?;
        let text = |field: &str| reference.get(field).and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Self { namespace: text("namespace"), name: text("name") })
    }

    /// A claim without a readable namespace may be in a guarded one.
    fn is_guarded(&self, model: &Model) -> bool {
        self.namespace.as_deref().is_none_or(|namespace| model.is_guarded(namespace))
    }

    /// The databases the claim may belong to.
    fn databases(&self, model: &Model) -> Vec<SetFacts> {
        let (Some(namespace), Some(name)) = (&self.namespace, &self.name) else {
            return Vec::new();
        };
        volume_claim::owners(model, namespace, name).map(|(set, _)| set.clone()).collect()
    }
}

impl std::fmt::Display for VolumeClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "?".to_owned());
        write!(f, "{}/{}", word(&self.namespace), word(&self.name))
    }
}

/// The volume's reclaim policy. The API server's default for a volume is Retain.
fn policy(object: &Value) -> String {
    match object.pointer("/spec/persistentVolumeReclaimPolicy") {
        None | Some(Value::Null) => "Retain".to_owned(),
        Some(Value::String(word)) => word.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
