//! Reads a request from the body of an `AdmissionReview`.

use std::borrow::Cow;

use kube_core::admission::{META_API_VERSION_V1, META_KIND};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::error::ReviewError;
use crate::admission::request::{AdmissionRequest, Operation};

/// The resource of an eviction request.
const EVICTION: &str = "pods/eviction";

/// The fields of a review that are needed. kube-core's own type parses versions, kinds and objects with `flatten`, for which
/// serde buffers the whole body once more, and a review is mostly object.
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

/// `admission.k8s.io/v1`, `AdmissionRequest`. Fields that the API server always sets are required. Of the object only the
/// fields of an Eviction are read here: evictions outnumber all other requests, and their objects are small.
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

/// The options in an Eviction. No other kind that the guard is asked about has a field of that name.
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

/// The same review, parsed a second time for its objects: every request but an eviction is evaluated by them.
#[derive(Deserialize)]
struct ReviewObjects {
    request: Objects,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Objects {
    object: Option<Map>,
    old_object: Option<Map>,
    options: Option<Map>,
}

/// A JSON object; an object of any other shape is an error.
type Map = serde_json::Map<String, Value>;

/// Reads a body. Returns the request's UID, which the response must repeat, and the request.
pub(crate) fn read(body: &[u8]) -> Result<(Cow<'_, str>, AdmissionRequest), ReviewError> {
    let body = std::str::from_utf8(body)?; // once for the whole body, and not for each string in it
    let Review { api_version, kind, request } = serde_json::from_str(body)?;
    if api_version != META_API_VERSION_V1 || kind != META_KIND {
        return Err(ReviewError::Version { version: api_version.into_owned(), kind: kind.into_owned() });
    }
    let mut sent = request.ok_or(ReviewError::Empty)?;
    let uid = std::mem::take(&mut sent.uid);
    let mut request = convert(sent);
    if request.resource != EVICTION {
        let ReviewObjects { request: Objects { object, old_object, options } } = serde_json::from_str(body)?;
        request.object = object.map(Value::Object);
        request.old_object = old_object.map(Value::Object);
        request.options = options.map_or(Value::Null, Value::Object);
    }
    Ok((uid, request))
}

fn convert(sent: Request<'_>) -> AdmissionRequest {
    let mut resource = sent.resource.resource.into_owned();
    if let Some(sub) = sent.sub_resource.filter(|sub| !sub.is_empty()) {
        resource.push('/');
        resource.push_str(&sub);
    }
    let options = sent.object.and_then(|eviction| eviction.delete_options);
    // `kubectl drain --dry-run=server` sets the dry run inside the Eviction alone.
    let eviction_dry_run =
        options.as_ref().and_then(|options| options.dry_run.as_ref()).is_some_and(|values| !values.is_empty());
    AdmissionRequest {
        operation: match sent.operation {
            Verb::Create => Operation::Create,
            Verb::Update => Operation::Update,
            Verb::Delete => Operation::Delete,
            Verb::Connect => Operation::Connect,
        },
        resource,
        // An Eviction of policy/v1beta1 need not repeat its namespace; the request always has it.
        namespace: sent.namespace,
        name: sent.name,
        user: sent.user_info.username,
        groups: sent.user_info.groups,
        dry_run: sent.dry_run || eviction_dry_run,
        pod_uid: options.and_then(|options| options.preconditions?.uid),
        object: None,
        old_object: None,
        options: Value::Null,
    }
}
