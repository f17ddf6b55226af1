//! THINK. The claims of a guarded database's members (`persistentvolumeclaims` DELETE).
//!
//! What it stops. Deleting the claim of a member whose pod exists. It looks harmless: the claim is in use, so Kubernetes
//! keeps it (finalizer `pvc-protection`) and only marks it. But the mark cannot be removed, and the data is deleted the next
//! time that pod restarts, perhaps in a drain weeks later.
//!
//! Why a budget is not enough. Budgets count pods; a claim is no pod.
//!
//! How kubectl drain takes it. It deletes no claim.
//!
//! How to pass. Remove the member first, by scaling down or by deleting its pod, which is judged; its claim may be deleted
//! while the pod terminates. Deleting the whole namespace passes. Claims that a pod names directly, without a claim template,
//! are not known to be a member's, and pass too.

use stateful_cluster::inventory::{Model, SetFacts};
use stateful_safety::ConfigViolation;

use crate::admission::request::AdmissionRequest;
use crate::admission::response::AdmissionResponse;
use crate::rules::object_rules;

/// Evaluates a deletion.
pub(crate) fn evaluate(request: &AdmissionRequest, model: &Model) -> AdmissionResponse {
    let namespace = &request.namespace;
    if !object_rules::is_guarded(model, namespace) || object_rules::is_ending(model, namespace) {
        return AdmissionResponse::allow();
    }
    let claim = object_rules::name(request);
    for (set, member) in owners(model, namespace, &claim) {
        let pod = model.pod(namespace, member);
        if pod.is_some_and(|pod| !pod.member.terminating && pod.owner.as_ref() == Some(&set.workload.uid)) {
            let violation = ConfigViolation::ClaimInUse { claim: claim.clone(), member: member.to_owned() };
            return object_rules::respond(request, model, std::slice::from_ref(set), &[violation], &[]);
        }
    }
    AdmissionResponse::allow()
}

/// The databases a claim may belong to by its name, TEMPLATE-POD, each with the member it would be of. Both names may
/// contain dashes, so that several may fit.
pub(crate) fn owners<'a>(
    model: &'a Model,
    namespace: &str,
    claim: &'a str,
) -> impl Iterator<Item = (&'a SetFacts, &'a str)> {
    model.sets_in(namespace).flat_map(move |set| {
        let member = |template: &'a String| claim.strip_prefix(template.as_str())?.strip_prefix('-');
        let is_its = |member: &&str| member.rsplit_once('-').is_some_and(|(name, _)| name == set.workload.id.name);
        set.claims.iter().filter_map(member).filter(is_its).map(move |member| (set, member))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use stateful_cluster::inventory::Model;

    use super::evaluate;
    use crate::admission::request::{AdmissionRequest, Operation};
    use crate::admission::response::AdmissionResponse;
    use crate::rules::fixtures::{code, guarded, namespace, pod, redis, request};

    fn deletion(name: &str) -> AdmissionRequest {
        let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "shop"}});
        request(Operation::Delete, "persistentvolumeclaims", None, Some(claim))
    }

    fn answer(objects: &[Value], name: &str) -> AdmissionResponse {
        evaluate(&deletion(name), &Model::of(objects, stateful_operations::engine_profiles()).expect("a model"))
    }

    #[test]
    fn a_claim_may_be_deleted_when_no_member_uses_it() {
        let mut ending = pod("redis", 0);
        ending["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let mut going = guarded();
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        let mut pending = pod("redis", 0);
        pending["status"]["phase"] = json!("Pending");
        let live = [guarded(), redis(3), pod("redis", 0)];
        let cases: [(&str, &[Value], &str, Option<&str>); 8] = [
            ("a live member's", &live, "data-redis-0", Some("STF-ST-003")),
            (
                "the claim of a pending pod holds its data",
                &[guarded(), redis(3), pending],
                "data-redis-0",
                Some("STF-ST-003"),
            ),
            ("its pod is terminating", &[guarded(), redis(3), ending], "data-redis-0", None),
            ("there is no such pod", &live, "data-redis-1", None),
            ("another template's", &live, "cache-redis-0", None),
            ("no database's", &live, "data", None),
            ("the whole namespace is being deleted", &[going, redis(3), pod("redis", 0)], "data-redis-0", None),
            (
                "its namespace is not guarded",
                &[namespace("shop", false), redis(3), pod("redis", 0)],
                "data-redis-0",
                None,
            ),
        ];
        for (what, objects, name, expected) in cases {
            assert_eq!(code(&answer(objects, name)), expected, "{what}");
        }
    }

    #[test]
    fn a_name_with_dashes_is_still_recognized_as_a_members() {
        let mut set = redis(1);
        set["metadata"]["name"] = json!("a-b");
        set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "x"}}, {"metadata": {"name": "x-a"}}]);
        let objects = [guarded(), set, pod("a-b", 0)];
        assert_eq!(code(&answer(&objects, "x-a-b-0")), Some("STF-ST-003"));
        assert_eq!(code(&answer(&objects, "x-a-a-b-0")), Some("STF-ST-003"));
        assert_eq!(code(&answer(&objects, "a-b-0")), None);
    }
}
