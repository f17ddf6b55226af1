//! THINK. The answer on the wire: `admission.k8s.io/v1`, `AdmissionResponse`. Written from what is at hand, without a copy:
//! kube-core's own type owns every string, and holds version and kind by `flatten`.

use std::collections::BTreeMap;

use kube_core::admission::{META_API_VERSION_V1, META_KIND};
use kube_core::response::{Status, StatusCause, StatusDetails, StatusSummary};
use serde::Serialize;

use super::{Asked, Unreadable};
use crate::admission_response::{Answer, Decision, Refusal};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reply<'a> {
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
    /// JSON, as bytes: Go reads a list of numbers like it reads Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Vec<u8>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    audit_annotations: &'a BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// Writes the answer to a request.
pub(crate) fn write(asked: &Asked<'_>, answer: &Answer) -> Result<Vec<u8>, Unreadable> {
    // Born as a no: a decision forgotten below is no yes.
    let mut response = Response {
        uid: &asked.uid,
        allowed: false,
        status: None,
        patch: None,
        patch_type: None,
        audit_annotations: &answer.audit,
        warnings: &answer.warnings,
    };
    match &answer.decision {
        Decision::Allow => response.allowed = true,
        Decision::Change(patch) => {
            response.patch = Some(serde_json::to_vec(patch).map_err(Unreadable::Answer)?);
            response.patch_type = Some("JSONPatch");
            response.allowed = true;
        }
        Decision::Refuse(refusal) => response.status = Some(status(refusal)),
    }
    let reply = Reply { api_version: META_API_VERSION_V1, kind: META_KIND, response };
    serde_json::to_vec(&reply).map_err(Unreadable::Answer)
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
