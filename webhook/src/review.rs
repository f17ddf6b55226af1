//! THINK. The wire: bytes to an [`Attempt`], an [`Answer`](crate::admission_response::Answer) to bytes. Whatever cannot be read is an error, never a yes.

mod reply;

use std::borrow::Cow;

use kube_core::admission::{META_API_VERSION_V1, META_KIND};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::admission_request::{Attempt, Operation};

pub(crate) use reply::write;

/// What of a request its answer must repeat.
pub(crate) struct Asked<'a> {
    uid: Cow<'a, str>,
}

/// Why a body is no request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is no text.
    #[error("this is no AdmissionReview: {0}")]
    Text(#[from] std::str::Utf8Error),
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
    Answer(serde_json::Error),
}

/// The resource of which evictions are made.
const EVICTION: &str = "pods/eviction";

/// A review, as far as it is needed: kube-core's own type takes versions, kinds and objects apart by `flatten`, for which
/// serde keeps everything in memory once more before it reads it, and a question is mostly object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review<'a> {
    #[serde(borrow, default)]
    api_version: Cow<'a, str>,
    #[serde(borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    request: Option<Request<'a>>,
}

/// `admission.k8s.io/v1`, `AdmissionRequest`. Fields the API server always fills in must be there. Of the object is read
/// what an Eviction says: there are more of them than of all other questions, and they say next to nothing.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow)]
    resource: Resource<'a>,
    #[serde(borrow)]
    sub_resource: Option<Cow<'a, str>>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
    operation: Verb,
    user_info: User,
    object: Option<Eviction>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    resource: Cow<'a, str>,
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

/// An Eviction, beside whom it is about. No other kind we are asked about has a field of that name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Eviction {
    delete_options: Option<DeleteOptions>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteOptions {
    dry_run: Option<Vec<IgnoredAny>>,
    preconditions: Option<Preconditions>,
}

#[derive(Deserialize)]
struct Preconditions {
    uid: Option<String>,
}

/// The same review once more, for its objects: whatever is no eviction is judged by them.
#[derive(Deserialize)]
struct Declared {
    request: Objects,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Objects {
    object: Option<Map>,
    old_object: Option<Map>,
    options: Option<Map>,
}

/// A JSON object: of an object no other shape is understood.
type Map = serde_json::Map<String, Value>;

/// Reads a body.
pub(crate) fn read(body: &[u8]) -> Result<(Asked<'_>, Attempt), Unreadable> {
    let body = std::str::from_utf8(body)?; // at once, and not string by string
    let Review { api_version, kind, request } = serde_json::from_str(body)?;
    if api_version != META_API_VERSION_V1 || kind != META_KIND {
        return Err(Unreadable::Version { version: api_version.into_owned(), kind: kind.into_owned() });
    }
    let mut request = request.ok_or(Unreadable::Empty)?;
    let asked = Asked { uid: std::mem::take(&mut request.uid) };
    let mut attempt = attempt(request);
    if attempt.resource != EVICTION {
        let Declared { request: Objects { object, old_object, options } } = serde_json::from_str(body)?;
        attempt.object = object.map(Value::Object);
        attempt.old_object = old_object.map(Value::Object);
        attempt.options = options.map_or(Value::Null, Value::Object);
    }
    Ok((asked, attempt))
}

fn attempt(request: Request<'_>) -> Attempt {
    let mut resource = request.resource.resource.into_owned();
    if let Some(sub) = request.sub_resource.filter(|sub| !sub.is_empty()) {
        resource.push('/');
        resource.push_str(&sub);
    }
    let told = request.object.and_then(|eviction| eviction.delete_options);
    // `kubectl drain --dry-run=server` says so inside the Eviction alone.
    let rehearsed = told.as_ref().and_then(|told| told.dry_run.as_ref()).is_some_and(|values| !values.is_empty());
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
        dry_run: request.dry_run || rehearsed,
        evicts: told.and_then(|told| told.preconditions?.uid),
        object: None,
        old_object: None,
        options: Value::Null,
    }
}

#[cfg(test)]
mod tests;
