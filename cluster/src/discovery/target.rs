//! THINK. Which workload a name on the command line means.

use stateful_safety::{EngineProfiles, Workload};

use crate::{Error, Result};

/// The name of a workload as the user typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetName(pub String);

/// The workload among those of a namespace that a target means: a name, `sts/NAME`, or an engine's word if the namespace has
/// exactly one workload of that engine. [`Error::Target`] when it means none, or several.
pub fn pick<'a>(
    target: &TargetName,
    namespace: &str,
    workloads: &'a [Workload],
    profiles: EngineProfiles,
) -> Result<&'a Workload> {
    let typed = target.0.as_str();
    let name = ["sts/", "statefulset/", "statefulsets/", "statefulset.apps/", "statefulsets.apps/"]
        .iter()
        .find_map(|prefix| typed.strip_prefix(prefix));
    if let Some(workload) = workloads.iter().find(|workload| workload.id.name == name.unwrap_or(typed)) {
        return Ok(workload);
    }
    let none = || {
        let known: Vec<&str> = workloads.iter().map(|workload| workload.id.name.as_str()).collect();
        let known = if known.is_empty() { "no database".to_owned() } else { known.join(", ") };
        Error::Target(format!(
            "no database workload \"{typed}\" in namespace \"{namespace}\" (there: {known}); \
             see all with: kubectl stateful status -A"
        ))
    };
    let engine = profiles.find_by_word(typed).filter(|_| name.is_none()).ok_or_else(none)?;
    let matching: Vec<&Workload> = workloads.iter().filter(|workload| workload.engine == engine).collect();
    match matching[..] {
        [] => Err(none()),
        [only] => Ok(only),
        _ => {
            let names: Vec<String> = matching.iter().map(|workload| format!("sts/{}", workload.id.name)).collect();
            Err(Error::Target(format!(
                "\"{typed}\" means {} workloads in namespace \"{namespace}\": {}; name one of them",
                matching.len(),
                names.join(", ")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use stateful_safety::{Rollout, VolumeClaims, Workload, WorkloadId};

    use super::{TargetName, pick};
    use crate::test_profiles::{EXAMPLE, PROFILES};

    fn workload(name: &str) -> Workload {
        Workload {
            id: WorkloadId { namespace: "shop".to_owned(), name: name.to_owned() },
            uid: name.to_owned(),
            engine: &EXAMPLE,
            service: "redis".to_owned(),
            container: "redis".to_owned(),
            image: "redis:7.0".to_owned(),
            declared_revision: "one".to_owned(),
            replicas: 6,
            first_ordinal: 0,
            restarted_at: None,
            rollout: Rollout::OnDelete,
            members: Vec::new(),
            routes: Vec::new(),
            template_owner: None,
            replicas_owner: None,
            claims: VolumeClaims::default(),
            operated: None,
            budgets: Vec::new(),
        }
    }

    fn picked(typed: &str, names: &[&str]) -> Result<String, String> {
        let workloads: Vec<Workload> = names.iter().map(|name| workload(name)).collect();
        let target = TargetName(typed.to_owned());
        pick(&target, "shop", &workloads, PROFILES)
            .map(|workload| workload.id.name.clone())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_beats_an_engine_word() {
        assert_eq!(picked("redis", &["cart", "redis"]), Ok("redis".to_owned()));
        assert_eq!(picked("sts/cart", &["cart", "redis"]), Ok("cart".to_owned()));
        assert_eq!(picked("redis", &["cart"]), Ok("cart".to_owned()));
    }

    #[test]
    fn a_word_that_means_two_workloads_is_refused_with_their_names() {
        let error = picked("redis", &["cart", "session"]).expect_err("two");
        assert!(error.contains("sts/cart, sts/session"), "{error}");
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_names() {
        assert!(picked("ledger", &["cart"]).expect_err("none").contains("there: cart"));
        assert!(picked("sts/redis", &["cart"]).is_err(), "sts/ names a StatefulSet, not an engine");
    }
}
