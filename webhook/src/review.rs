//! THINK. The wire: bytes to an [`Attempt`], an [`Answer`] to bytes. Whatever cannot be read is an error, never a yes.

use kube_core::admission::{AdmissionResponse, META_API_VERSION_V1, META_KIND};
use kube_core::response::{Status, StatusCause, StatusDetails, StatusSummary};
use serde::Deserialize;
use serde_json::Value;

use crate::answer::{Answer, Decision, Refusal};
use crate::attempt::{Attempt, Operation};

/// What of a request its answer must repeat.
pub(crate) struct Asked {
    uid: String,
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

/// A review, as far as it is needed: kube-core's own type takes versions, kinds and objects apart by `flatten`, for which
/// serde keeps everything in memory once more before it reads it, and a question is mostly object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    request: Option<Request>,
}

/// `admission.k8s.io/v1`, `AdmissionRequest`. Fields the API server always fills in must be there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    uid: String,
    resource: Resource,
    sub_resource: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    operation: Verb,
    user_info: User,
    object: Option<Map>,
    old_object: Option<Map>,
    #[serde(default)]
    dry_run: bool,
    options: Option<Map>,
}

/// A JSON object: of an object no other shape is understood.
type Map = serde_json::Map<String, Value>;

#[derive(Deserialize)]
struct Resource {
    resource: String,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    Create,
    Update,
    Delete,
    Connect,
}

/// Reads a body.
pub(crate) fn read(body: &[u8]) -> Result<(Asked, Attempt), Unreadable> {
    let Review { api_version, kind, request } = serde_json::from_slice(body)?;
    if api_version != META_API_VERSION_V1 || kind != META_KIND {
        return Err(Unreadable::Version { version: api_version, kind });
    }
    let request = request.ok_or(Unreadable::Empty)?;
    let asked = Asked { uid: request.uid.clone() };
    Ok((asked, attempt(request)))
}

fn attempt(request: Request) -> Attempt {
    let mut resource = request.resource.resource;
    if let Some(sub) = request.sub_resource.filter(|sub| !sub.is_empty()) {
        resource = format!("{resource}/{sub}");
    }
    let object = request.object.map(Value::Object);
    // `kubectl drain --dry-run=server` says so inside the Eviction alone.
    let inner = object.as_ref().and_then(|object| object["deleteOptions"]["dryRun"].as_array());
    Attempt {
        operation: match request.operation {
            Verb::Create => Operation::Create,
            Verb::Update => Operation::Update,
            Verb::Delete => Operation::Delete,
            Verb::Connect => Operation::Connect,
        },
        resource,
        // An Eviction of the old version need not repeat its namespace; the request always has it.
        namespace: request.namespace,
        name: request.name,
        user: request.user_info.username,
        groups: request.user_info.groups,
        dry_run: request.dry_run || inner.is_some_and(|values| !values.is_empty()),
        object,
        old_object: request.old_object.map(Value::Object),
        options: request.options.map_or(Value::Null, Value::Object),
    }
}

/// Writes the answer to a request.
pub(crate) fn write(asked: &Asked, answer: &Answer) -> Result<Vec<u8>, Unreadable> {
    // Born as a no without a reason: a decision forgotten below is no yes.
    let mut response = AdmissionResponse::invalid("");
    response.uid.clone_from(&asked.uid);
    match &answer.decision {
        Decision::Allow => yes(&mut response),
        Decision::Change(patch) => {
            yes(&mut response);
            response = response.with_patch(patch.clone()).map_err(|error| Unreadable::Answer(error.to_string()))?;
        }
        Decision::Refuse(refusal) => response.result = status(refusal),
    }
    response.warnings = (!answer.warnings.is_empty()).then(|| answer.warnings.clone());
    response.audit_annotations = answer.audit.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    Ok(serde_json::to_vec(&response.into_review())?)
}

fn yes(response: &mut AdmissionResponse) {
    response.allowed = true;
    response.result = Status::default();
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
