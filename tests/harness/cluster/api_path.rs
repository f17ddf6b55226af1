//! The API server's paths of the objects that `kubectl get` arguments name.

use std::fmt::Write as _;

/// The API groups of the kinds that laws read, by every name that they are given.
const KINDS: &[(&str, &[&str])] = &[
    (
        "/api/v1",
        &[
            "pods",
            "services",
            "secrets",
            "configmaps",
            "endpoints",
            "events",
            "nodes",
            "namespaces",
            "persistentvolumes",
            "persistentvolumeclaims",
            "serviceaccounts",
        ],
    ),
    ("/apis/apps/v1", &["statefulsets", "deployments", "controllerrevisions"]),
    ("/apis/policy/v1", &["poddisruptionbudgets"]),
    ("/apis/coordination.k8s.io/v1", &["leases"]),
    ("/apis/discovery.k8s.io/v1", &["endpointslices"]),
    (
        "/apis/admissionregistration.k8s.io/v1",
        &[
            "validatingwebhookconfigurations",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
        ],
    ),
    ("/apis/kubectl-stateful.dev/v1alpha1", &["disruptionpolicies"]),
];

/// Kinds whose objects are in no namespace.
const CLUSTER_SCOPED: &[&str] = &[
    "nodes",
    "namespaces",
    "persistentvolumes",
    "validatingwebhookconfigurations",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "disruptionpolicies",
];

/// The paths of `kubectl get ARGS`, one for each kind, and whether they are of lists. `None` where an argument is not known here:
/// then kubectl itself is to be asked.
pub(super) fn paths(args: &[&str]) -> Option<(Vec<String>, bool)> {
    let (mut namespace, mut query, mut positional) = (None, Vec::new(), Vec::new());
    let mut words = args.iter();
    while let Some(word) = words.next() {
        match *word {
            "--namespace" => namespace = Some(*words.next()?),
            "--all-namespaces" => namespace = None,
            "--selector" => query.push(format!("labelSelector={}", encoded(words.next()?))),
            "--field-selector" => query.push(format!("fieldSelector={}", encoded(words.next()?))),
            flag if flag.starts_with('-') => return None,
            word => positional.push(word),
        }
    }
    let (kinds, name) = match positional[..] {
        [kinds] => (kinds, None),
        [kinds, name] => (kinds, Some(name)),
        _ => return None,
    };
    let paths = kinds.split(',').map(|kind| path(kind, namespace, name, &query)).collect::<Option<_>>()?;
    Some((paths, name.is_none()))
}

fn path(kind: &str, namespace: Option<&str>, name: Option<&str>, query: &[String]) -> Option<String> {
    let (group, kind) = KINDS.iter().find_map(|(group, kinds)| {
        let found = kinds.iter().find(|plural| **plural == kind || singular(plural) == kind)?;
        Some((group, *found))
    })?;
    let mut path = (*group).to_owned();
    if let Some(namespace) = namespace.filter(|_| !CLUSTER_SCOPED.contains(&kind)) {
        let _ = write!(path, "/namespaces/{namespace}"); // a String takes everything
    }
    let _ = write!(path, "/{kind}");
    if let Some(name) = name {
        let _ = write!(path, "/{name}");
    }
    if !query.is_empty() {
        let _ = write!(path, "?{}", query.join("&"));
    }
    Some(path)
}

fn singular(plural: &str) -> String {
    match plural.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None if plural == "endpoints" => plural.to_owned(),
        None => plural.strip_suffix('s').unwrap_or(plural).to_owned(),
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = if plain(byte) { write!(encoded, "{}", char::from(byte)) } else { write!(encoded, "%{byte:02X}") };
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[test]
    fn what_kubectl_get_names_has_a_path() {
        let one = |args: &[&str]| paths(args).map(|(paths, _)| paths.join(" "));
        assert_eq!(
            one(&["--namespace", "shop", "pod", "redis-0"]).as_deref(),
            Some("/api/v1/namespaces/shop/pods/redis-0")
        );
        assert_eq!(
            one(&["--namespace", "shop", "pods", "--selector", "app in (a, b)"]).as_deref(),
            Some("/api/v1/namespaces/shop/pods?labelSelector=app%20in%20%28a%2C%20b%29")
        );
        assert_eq!(one(&["--namespace", "shop", "node", "node1"]).as_deref(), Some("/api/v1/nodes/node1"));
        let policy = "/apis/kubectl-stateful.dev/v1alpha1/disruptionpolicies/shop";
        assert_eq!(one(&["disruptionpolicy", "shop"]).as_deref(), Some(policy));
        assert_eq!(
            paths(&["leases,secrets", "--all-namespaces"]).map(|(paths, list)| (paths.len(), list)),
            Some((2, true))
        );
        assert_eq!(one(&["crd"]), None, "kubectl is to be asked");
    }
}
