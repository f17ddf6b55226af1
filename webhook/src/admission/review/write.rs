//! Writes a response as `admission.k8s.io/v1`, `AdmissionResponse`. It borrows every string: kube-core's own type owns
//! them, and holds version and kind by `flatten`.

use std::collections::BTreeMap;

use kube_core::admission::{META_API_VERSION_V1, META_KIND};
use kube_core::response::{Status, StatusCause, StatusDetails, StatusSummary};
use serde::Serialize;

use super::error::ReviewError;
use crate::admission::response::{AdmissionResponse, Decision, Denial};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewReply<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    /// JSON, as bytes: Go reads a list of numbers as it reads Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// Writes the response to the request with that UID.
pub(crate) fn write(uid: &str, response: &AdmissionResponse) -> Result<Vec<u8>, ReviewError> {
    // Starts as a denial: a decision that the match below forgot would not be a yes.
    let mut reply = Response {
        uid,
        allowed: false,
        status: None,
        patch: None,
        patch_type: None,
        audit_annotations: &response.audit,
        warnings: &response.warnings,
    };
    match &response.decision {
        Decision::Allow => reply.allowed = true,
        Decision::Change(patch) => {
            reply.patch = Some(serde_json::to_vec(patch).map_err(ReviewError::Response)?);
            reply.patch_type = Some("JSONPatch");
            reply.allowed = true;
        }
        Decision::Refuse(denial) => reply.status = Some(status(denial)),
    }
    let review = ReviewReply { api_version: META_API_VERSION_V1, kind: META_KIND, response: reply };
    serde_json::to_vec(&review).map_err(ReviewError::Response)
}

/// `retryAfterSeconds` stays unset: with it the caller's own client tries again ten times, in silence.
fn status(denial: &Denial) -> Status {
    let (code, reason) = denial.code.words();
    let causes = denial.causes.iter().map(|cause| StatusCause {
        reason: cause.code.clone(),
        message: cause.message.clone(),
        field: String::new(),
    });
    Status {
        status: Some(StatusSummary::Failure),
        code,
        message: denial.message.clone(),
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
