//! THINK. The wire: bytes to an [`Attempt`], an [`Answer`] to bytes. Whatever cannot be read is an error, never a yes.

use kube_core::DynamicObject;
use kube_core::admission::{AdmissionRequest, AdmissionResponse, META_API_VERSION_V1, META_KIND};
use kube_core::metadata::TypeMeta;
use kube_core::response::{Status, StatusCause, StatusDetails, StatusSummary};
use serde_json::Value;

use crate::answer::{Answer, Decision, Refusal};
use crate::attempt::{Attempt, Operation};

/// A request, as far as it is needed to answer it.
pub(crate) struct Asked {
    request: AdmissionRequest<DynamicObject>,
}

/// Why a body is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is no JSON, or JSON of another shape.
    #[error("this is no AdmissionReview: {0}")]
    Shape(#[from] serde_json::Error),
    /// It is of another version or kind.
    #[error("{kind} of {version} is not understood, only AdmissionReview of admission.k8s.io/v1")]
    Version {
        /// The version it says.
        version: String,
        /// The kind it says.
        kind: String,
    },
    /// There is no request in it.
    #[error("this AdmissionReview has no request")]
    Empty,
    /// The answer could not be written.
    #[error("the answer cannot be written: {0}")]
    Answer(String),
}

/// The outermost level of a body. kube-core's own type takes version and kind by `flatten`, for which serde keeps the whole
/// body in memory once more before it reads it; a question is mostly body.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<AdmissionRequest<DynamicObject>>,
}

/// Reads a body.
pub(crate) fn read(body: &[u8]) -> Result<(Asked, Attempt), Unreadable> {
    let Envelope { api_version, kind, request } = serde_json::from_slice(body)?;
    if api_version != META_API_VERSION_V1 || kind != META_KIND {
        return Err(Unreadable::Version { version: api_version, kind });
    }
    let mut request = request.ok_or(Unreadable::Empty)?;
    request.types = TypeMeta { api_version, kind };
    let attempt = attempt(&mut request);
    Ok((Asked { request }, attempt))
}

fn attempt(request: &mut AdmissionRequest<DynamicObject>) -> Attempt {
    let object = request.object.take();
    let old_object = request.old_object.take();
    let options = request.options.take().map_or(Value::Null, |options| options.0);
    let resource = match request.sub_resource.as_deref() {
        Some(sub) if !sub.is_empty() => format!("{}/{sub}", request.resource.resource),
        _ => request.resource.resource.clone(),
    };
    // `kubectl drain --dry-run=server` says so inside the Eviction alone.
    let inner = object.as_ref().and_then(|object| object.data.pointer("/deleteOptions/dryRun")?.as_array());
    Attempt {
        operation: match request.operation {
            kube_core::admission::Operation::Create => Operation::Create,
            kube_core::admission::Operation::Update => Operation::Update,
            kube_core::admission::Operation::Delete => Operation::Delete,
            kube_core::admission::Operation::Connect => Operation::Connect,
        },
        resource,
        // An Eviction of the old version need not repeat its namespace; the request always has it.
        namespace: request.namespace.clone().unwrap_or_default(),
        name: request.name.clone(),
        user: request.user_info.username.clone().unwrap_or_default(),
        groups: request.user_info.groups.clone().unwrap_or_default(),
        dry_run: request.dry_run || inner.is_some_and(|values| !values.is_empty()),
        object,
        old_object,
        options,
    }
}

/// Writes the answer to a request.
pub(crate) fn write(asked: &Asked, answer: &Answer) -> Result<Vec<u8>, Unreadable> {
    let mut response = AdmissionResponse::from(&asked.request);
    match &answer.decision {
        Decision::Allow => {}
        Decision::Change(patch) => {
            response = response.with_patch(patch.clone()).map_err(|error| Unreadable::Answer(error.to_string()))?;
        }
        Decision::Refuse(refusal) => {
            response.allowed = false;
            response.result = status(refusal);
        }
    }
    response.warnings = (!answer.warnings.is_empty()).then(|| answer.warnings.clone());
    response.audit_annotations = answer.audit.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Ok(serde_json::to_vec(&response.into_review())?)
}

/// `retryAfterSeconds` stays unset: with it the caller's own client would ask again, silently, ten times.
fn status(refusal: &Refusal) -> Status {
    let (code, reason) = refusal.code.words();
    let causes = refusal.causes.iter().map(|cause| StatusCause {
        reason: cause.code.clone(),
        message: cause.message.clone(),
        field: String::new(),
    });
    Status {
        status: Some(StatusSummary::Failure),
        code,
        message: refusal.message.clone(),
        metadata: None,
        reason: reason.to_owned(),
        details: Some(StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: causes.collect(),
            retry_after_seconds: 0,
        }),
    }
}

#[cfg(test)]
mod tests;
