//! THINK. What the rules about declared objects share: whose policy holds, and how flaws become an answer.

use json_patch::jsonptr::PointerBuf;
use json_patch::{AddOperation, Patch, PatchOperation};
use serde_json::Value;
use stateful_cluster::{Mode, Model, NamespaceFacts, SetFacts};
use stateful_safety::ConfigViolation;

use crate::admission_request::Attempt;
use crate::admission_response::{Answer, Cause, Code};
use crate::effective_policy::effective_policy;

/// The API server cuts warnings of more than 256 characters (`apiserver/pkg/endpoints/filters/warning.go`).
const WARNING: usize = 250;

/// Whether the guard watches over the namespace of an attempt. The API server asks about labelled ones alone; one that is
/// not remembered yet has only just been made and labelled.
pub(crate) fn is_guarded(model: &Model, namespace: &str) -> bool {
    model.namespace(namespace).is_none_or(NamespaceFacts::is_guarded)
}

/// Whether a whole namespace is being deleted: whoever does that means everything in it.
pub(crate) fn is_ending(model: &Model, namespace: &str) -> bool {
    model.namespace(namespace).is_some_and(|namespace| namespace.terminating)
}

/// Whether an object bears the guard's label.
pub(crate) fn is_labelled(object: &Value) -> bool {
    let labels = object.pointer("/metadata/labels");
    labels.and_then(|labels| labels.get(NamespaceFacts::LABEL)).is_some_and(|value| value == "enabled")
}

/// Whether an object is being deleted already.
pub(crate) fn is_going(object: &Value) -> bool {
    object.pointer("/metadata/deletionTimestamp").is_some_and(Value::is_string)
}

/// An object's name, or what the API server is to begin it with.
pub(crate) fn name(attempt: &Attempt) -> String {
    if !attempt.name.is_empty() {
        return attempt.name.clone();
    }
    let metadata = attempt.object.as_ref().or(attempt.old_object.as_ref()).and_then(|object| object.get("metadata"));
    let text = |field: &str| metadata?.get(field)?.as_str();
    text("name").or_else(|| text("generateName")).unwrap_or_default().to_owned()
}

/// Refuses the `refused` flaws and tells about the others, as strictly as the policies of the databases it is `about`
/// say; as strictly as possible where it is not clear which ones those are.
pub(crate) fn answer(
    attempt: &Attempt,
    model: &Model,
    about: &[SetFacts],
    refused: &[ConfigViolation],
    told: &[ConfigViolation],
) -> Answer {
    if let Some(exempt) = exempt(attempt, model, about) {
        return exempt;
    }
    let namespace = &attempt.namespace;
    let both = || told.iter().chain(refused);
    match mode(model, about) {
        Mode::Audit => noted(Answer::allow(), both()),
        Mode::Warn => noted(warned(both().map(|config_violation| warning(config_violation, namespace))), both()),
        Mode::Enforce => {
            let warnings = warned(told.iter().map(|config_violation| warning(config_violation, namespace)));
            let Some(first) = refused.first() else {
                return noted(warnings, both());
            };
            let more = if refused.len() > 1 { format!(" and {} more", refused.len() - 1) } else { String::new() };
            let message = format!("{first} ({}){more}; {}", first.code(), first.next_step(namespace));
            let cause = |config_violation: &ConfigViolation| Cause {
                code: config_violation.code().to_owned(),
                message: config_violation.to_string(),
            };
            let refusal = Answer::refuse(Code::Never, message, refused.iter().map(cause).collect());
            noted(Answer { warnings: warnings.warnings, ..refusal }, both())
        }
    }
}

/// Mends the flaws by setting fields, and says so; where a policy does not enforce, tells or notes what it would mend.
pub(crate) fn mended(
    attempt: &Attempt,
    model: &Model,
    about: &[SetFacts],
    flaws: &[ConfigViolation],
    fields: Vec<(&[&str], Value)>,
) -> Answer {
    if let Some(exempt) = exempt(attempt, model, about) {
        return exempt;
    }
    match mode(model, about) {
        Mode::Audit => noted(Answer::allow(), flaws.iter()),
        Mode::Warn => noted(
            warned(flaws.iter().map(|config_violation| warning(config_violation, &attempt.namespace))),
            flaws.iter(),
        ),
        Mode::Enforce => {
            let said = flaws.iter().map(|config_violation| {
                short(format!("changed to Retain: {config_violation} ({})", config_violation.code()))
            });
            let add = |(path, value): (&[&str], Value)| {
                PatchOperation::Add(AddOperation { path: PointerBuf::from_tokens(path.iter().copied()), value })
            };
            let change = Answer::change(Patch(fields.into_iter().map(add).collect()));
            noted(Answer { warnings: said.collect(), ..change }, flaws.iter())
        }
    }
}

/// One warning, as long as the API server passes on.
pub(crate) fn short(text: String) -> String {
    if text.chars().count() <= WARNING {
        return text;
    }
    text.chars().take(WARNING - 1).chain(['…']).collect()
}

/// A flaw and what to do; the flaw alone where both are too long, since half a command is worse than none.
fn warning(config_violation: &ConfigViolation, namespace: &str) -> String {
    let said = format!("{config_violation} ({})", config_violation.code());
    let with_step = format!("{said}; {}", config_violation.next_step(namespace));
    short(if with_step.chars().count() <= WARNING { with_step } else { said })
}

fn warned(lines: impl Iterator<Item = String>) -> Answer {
    Answer { warnings: lines.collect(), ..Answer::allow() }
}

fn noted<'a>(answer: Answer, flaws: impl Iterator<Item = &'a ConfigViolation>) -> Answer {
    let codes: Vec<&str> = flaws.map(ConfigViolation::code).collect();
    if codes.is_empty() { answer } else { answer.noting("reasons", codes.join(",")) }
}

fn mode(model: &Model, about: &[SetFacts]) -> Mode {
    about.iter().map(|set| effective_policy(model, set).mode).max().unwrap_or_default()
}

/// Lets somebody pass whom the policies of every database it is about exempt.
fn exempt(attempt: &Attempt, model: &Model, about: &[SetFacts]) -> Option<Answer> {
    let exempts = |set: &SetFacts| effective_policy(model, set).exempt.contains(&attempt.user);
    let is_exempt = !about.is_empty() && about.iter().all(exempts);
    is_exempt.then(|| Answer::allow().noting("exempt", attempt.user.clone()))
}
