//! THINK. What the rules about objects share: which policy applies, and how violations become a response.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation};
use serde_json::Value;
use stateful_cluster::guard::names::GUARD_LABEL;
use stateful_cluster::guard::policy::Mode;
use stateful_cluster::inventory::{Model, NamespaceFacts, SetFacts};
use stateful_safety::ConfigViolation;

use crate::admission::request::AdmissionRequest;
use crate::admission::response::{AdmissionResponse, Cause, DenialCode};
use crate::evaluation::effective_policy::EffectivePolicy;

/// The API server cuts warnings of more than 256 characters (`apiserver/pkg/endpoints/filters/warning.go`).
const WARNING: usize = 250;

/// Whether a namespace is guarded. The API server asks about labelled namespaces alone; one that is not in the cache has only
/// just been created and labelled.
pub(crate) fn is_guarded(model: &Model, namespace: &str) -> bool {
    model.namespace(namespace).is_none_or(NamespaceFacts::is_guarded)
}

/// Whether the whole namespace is being deleted, with everything in it.
pub(crate) fn is_ending(model: &Model, namespace: &str) -> bool {
    model.namespace(namespace).is_some_and(|namespace| namespace.terminating)
}

/// Whether an object bears the guard's label.
pub(crate) fn is_labelled(object: &Value) -> bool {
    let labels = object.pointer("/metadata/labels");
    labels.and_then(|labels| labels.get(GUARD_LABEL)).is_some_and(|value| value == "enabled")
}

/// Whether an object is being deleted already.
pub(crate) fn is_going(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string)
}

/// An object's name, or the prefix from which the API server is to generate it.
pub(crate) fn name(request: &AdmissionRequest) -> String {
    if !request.name.is_empty() {
        return request.name.clone();
    }
    let metadata = request.object.as_ref().or(request.old_object.as_ref()).and_then(|object| object.get("metadata"));
    let text = |field: &str| metadata?.get(field)?.as_str();
    text("name").or_else(|| text("generateName")).unwrap_or_default().to_owned()
}

/// Refuses the `refused` violations and warns of the others, as strictly as the policies of the databases it is `about` say;
/// in the mode Enforce when it is about no known database.
pub(crate) fn respond(
    request: &AdmissionRequest,
    model: &Model,
    about: &[SetFacts],
    refused: &[ConfigViolation],
    warned_about: &[ConfigViolation],
) -> AdmissionResponse {
    if let Some(exempt) = exempt(request, model, about) {
        return exempt;
    }
    let namespace = &request.namespace;
    let both = || warned_about.iter().chain(refused);
    match strictest_mode(model, about) {
        Mode::Audit => noted(AdmissionResponse::allow(), both()),
        Mode::Warn => noted(warned(both().map(|violation| warning(violation, namespace))), both()),
        Mode::Enforce => {
            let warnings = warned(warned_about.iter().map(|violation| warning(violation, namespace)));
            let Some(first) = refused.first() else {
                return noted(warnings, both());
            };
            let more = if refused.len() > 1 { format!(" and {} more", refused.len() - 1) } else { String::new() };
            let message = format!("{first} ({}){more}; {}", first.code(), first.next_step(&flags(namespace)));
            let cause = |violation: &ConfigViolation| Cause {
                code: violation.code().to_owned(),
                message: violation.to_string(),
            };
            let refusal = AdmissionResponse::refuse(DenialCode::Never, message, refused.iter().map(cause).collect());
            noted(AdmissionResponse { warnings: warnings.warnings, ..refusal }, both())
        }
    }
}

/// Fixes the violations by setting fields, with a warning that says so; where a policy does not enforce, it warns or writes to
/// the audit log what it would change.
pub(crate) fn respond_with_fix(
    request: &AdmissionRequest,
    model: &Model,
    about: &[SetFacts],
    violations: &[ConfigViolation],
    fields: Vec<(&[&str], Value)>,
) -> AdmissionResponse {
    if let Some(exempt) = exempt(request, model, about) {
        return exempt;
    }
    match strictest_mode(model, about) {
        Mode::Audit => noted(AdmissionResponse::allow(), violations.iter()),
        Mode::Warn => {
            noted(warned(violations.iter().map(|violation| warning(violation, &request.namespace))), violations.iter())
        }
        Mode::Enforce => {
            let changes = violations
                .iter()
                .map(|violation| short(format!("changed to Retain: {violation} ({})", violation.code())));
            let add = |(path, value): (&[&str], Value)| {
                PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(path.iter().copied()), value })
            };
            let change = AdmissionResponse::change(Patch(fields.into_iter().map(add).collect()));
            noted(AdmissionResponse { warnings: changes.collect(), ..change }, violations.iter())
        }
    }
}

/// Cuts a warning to the length that the API server passes on.
pub(crate) fn short(text: String) -> String {
    if text.chars().count() <= WARNING {
        return text;
    }
    text.chars().take(WARNING - 1).chain(['…']).collect()
}

/// A violation and its next step; the violation alone where both are too long, since half a command is worse than none.
fn warning(violation: &ConfigViolation, namespace: &str) -> String {
    let text = format!("{violation} ({})", violation.code());
    let with_step = format!("{text}; {}", violation.next_step(&flags(namespace)));
    short(if with_step.chars().count() <= WARNING { with_step } else { text })
}

fn warned(lines: impl Iterator<Item = String>) -> AdmissionResponse {
    AdmissionResponse { warnings: lines.collect(), ..AdmissionResponse::allow() }
}

fn noted<'a>(answer: AdmissionResponse, violations: impl Iterator<Item = &'a ConfigViolation>) -> AdmissionResponse {
    let codes: Vec<&str> = violations.map(ConfigViolation::code).collect();
    if codes.is_empty() { answer } else { answer.with_audit("reasons", codes.join(",")) }
}

fn strictest_mode(model: &Model, about: &[SetFacts]) -> Mode {
    about.iter().map(|set| EffectivePolicy::resolve(model, set).mode).max().unwrap_or_default()
}

/// Lets a user pass whom the policies of every database it is about exempt.
fn exempt(request: &AdmissionRequest, model: &Model, about: &[SetFacts]) -> Option<AdmissionResponse> {
    let exempts = |set: &SetFacts| EffectivePolicy::resolve(model, set).exempt.contains(&request.user);
    let is_exempt = !about.is_empty() && about.iter().all(exempts);
    is_exempt.then(|| AdmissionResponse::allow().with_audit("exempt", request.user.clone()))
}
/// The flag of `kubectl` that names a namespace; none for what has none.
fn flags(namespace: &str) -> String {
    if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") }
}
