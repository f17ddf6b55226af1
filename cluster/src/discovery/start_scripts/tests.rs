//! Small templates in the shapes that charts and examples have.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, PodSpec};
use serde::Deserialize as _;
use serde_json::{Value, json};
use stateful_safety::{StartScripts, WorkloadId};

use super::{KEEPS_ROLE, ReadMap, gather, parts};
use crate::PREFIX;
use crate::test_profiles::PROFILES;

/// What starts a pod, with these ConfigMaps: each a name, a key and its text.
fn gathered(pod: &Value, maps: &[(&str, &str, &str)]) -> StartScripts {
    let mut read: BTreeMap<String, ReadMap> = BTreeMap::new();
    for (name, key, text) in maps {
        let keys = read.entry((*name).to_owned()).or_insert_with(|| Ok(BTreeMap::new()));
        keys.as_mut().expect("readable").insert((*key).to_owned(), (*text).to_owned());
    }
    gathered_with(pod, &read)
}

fn gathered_with(pod: &Value, read: &BTreeMap<String, ReadMap>) -> StartScripts {
    let pod: PodSpec = serde_json::from_value(pod.clone()).expect("a pod's spec");
    gather(&pod, &pod.containers[0], read)
}

/// Where each text is written.
fn origins(found: &StartScripts) -> Vec<&str> {
    found.texts.iter().map(|text| text.origin.as_str()).collect()
}

/// A server that starts by itself, after an init container with that command; both mount the volume at `/prepare`.
fn prepared(command: &Value, volume: &Value) -> Value {
    let mounts = json!([{"name": "scripts", "mountPath": "/prepare"}]);
    let mut volume = volume.clone();
    volume["name"] = json!("scripts");
    json!({
        "initContainers": [{"name": "prepare", "command": command, "volumeMounts": mounts}],
        "containers": [{"name": "server", "image": "redis:8.0", "volumeMounts": mounts}],
        "volumes": [volume],
    })
}

#[test]
fn a_script_that_an_init_container_names_is_read() {
    let pod = prepared(&json!(["sh", "/prepare/first"]), &json!({"configMap": {"name": "steps"}}));
    let found = gathered(
        &pod,
        &[("steps", "first", "echo one\n. /prepare/lib.sh\n"), ("steps", "lib.sh", "two"), ("steps", "other", "x")],
    );
    assert_eq!(
        origins(&found),
        ["the command of container prepare", "ConfigMap steps, key first", "ConfigMap steps, key lib.sh"],
        "what a script names is read too, and what no text names is not"
    );
    assert_eq!(found.own_entrypoint.as_deref(), Some("redis:8.0"));
    assert!(found.unread.is_empty(), "{found:?}");
}

#[test]
fn a_file_that_begins_as_a_script_is_read_and_a_configuration_file_is_not() {
    let pod = prepared(&json!(["run-all"]), &json!({"configMap": {"name": "steps"}}));
    let found = gathered(
        &pod,
        &[("steps", "a", "#!/bin/sh\necho"), ("steps", "b.conf", "#!/bin/sh\necho"), ("steps", "c", "echo")],
    );
    let of_prepare = ["the command of container prepare", "ConfigMap steps, key a"];
    assert_eq!(origins(&found), [&of_prepare[..], &["ConfigMap steps, key a"]].concat(), "the server mounts it too");
}

#[test]
fn a_script_is_found_by_the_path_that_the_mount_gives_it() {
    let of = |volume: Value, sub_path: Option<&str>, path: &str| {
        let mut pod = prepared(&json!(["sh", path]), &volume);
        pod["initContainers"][0]["volumeMounts"][0]["subPath"] = json!(sub_path);
        if sub_path.is_some() {
            pod["initContainers"][0]["volumeMounts"][0]["mountPath"] = json!(path);
        }
        origins(&gathered(&pod, &[("steps", "first", "echo")])).len()
    };
    let items = json!({"name": "steps", "items": [{"key": "first", "path": "begin"}]});
    assert_eq!(of(json!({"configMap": items}), None, "/prepare/begin"), 2);
    assert_eq!(of(json!({"configMap": items}), None, "/prepare/first"), 1, "the key has another name there");
    assert_eq!(of(json!({"projected": {"sources": [{"configMap": items}]}}), None, "/prepare/begin"), 2);
    assert_eq!(of(json!({"configMap": {"name": "steps"}}), Some("first"), "/usr/bin/go"), 2);
    assert_eq!(of(json!({"configMap": {"name": "steps"}}), Some("second"), "/usr/bin/go"), 1);
}

#[test]
fn inline_scripts_hooks_and_arguments_are_texts_with_lines_as_they_are_written() {
    let pod = json!({"containers": [{
        "name": "server", "image": "redis:8.0", "command": ["sh", "-c", "one\ntwo"], "args": ["three"],
        "lifecycle": {"postStart": {"exec": {"command": ["four", "five"]}}},
    }]});
    let found = gathered(&pod, &[]);
    let texts: Vec<_> = found.texts.iter().map(|text| (text.origin.as_str(), text.text.as_str())).collect();
    assert_eq!(
        texts,
        [
            ("the command of container server", "sh -c one\ntwo three"),
            ("the postStart hook of container server", "four five")
        ]
    );
    assert_eq!(found.own_entrypoint, None, "its own command replaces the image's entrypoint");
}

#[test]
fn a_script_that_is_named_and_cannot_be_read_is_not_known() {
    let why = "not allowed: configmaps \"steps\" is forbidden".to_owned();
    let forbidden = BTreeMap::from([("steps".to_owned(), Err(why.clone()))]);
    let of =
        |command: &str, volume: Value| gathered_with(&prepared(&json!(["sh", command]), &volume), &forbidden).unread;
    let map = json!({"configMap": {"name": "steps"}});
    let unread = of("/prepare/first", map.clone());
    assert_eq!(
        (unread.len(), unread[0].why.as_str(), unread[0].config_map.as_deref()),
        (1, why.as_str(), Some("steps"))
    );
    assert_eq!(of("/usr/bin/first", map.clone()).len(), 0, "nothing of that ConfigMap is named");
    assert_eq!(of("/prepare/server.conf", map).len(), 0, "only a configuration file is");
    assert_eq!(of("-e", json!({"emptyDir": {}})).len(), 0, "it runs nothing from there");
    for volume in [json!({"secret": {"secretName": "steps"}}), json!({"emptyDir": {}})] {
        let unread = of("/prepare/first", volume);
        assert_eq!((unread.len(), unread[0].what.as_str()), (1, "/prepare/first of container prepare"));
        assert_eq!(unread[0].config_map, None);
    }
}

#[test]
fn texts_beyond_a_limit_are_not_known() {
    let pod = prepared(&json!(["sh", "/prepare/first"]), &json!({"configMap": {"name": "steps"}}));
    let found = gathered(&pod, &[("steps", "first", &"x".repeat(super::MOST_BYTES))]);
    assert_eq!(found.unread.len(), 1, "{:?}", found.unread);
}

#[test]
fn the_digest_is_that_of_the_texts_and_of_nothing_else() {
    let volume = json!({"configMap": {"name": "steps"}});
    let digest = |pod: &Value, text: &str| gathered(pod, &[("steps", "first", text)]).digest;
    let pod = prepared(&json!(["sh", "/prepare/first"]), &volume);
    let one = digest(&pod, "echo one");
    assert_eq!(one.len(), 12);
    assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(digest(&pod, "echo two"), one, "another script");
    assert_ne!(digest(&prepared(&json!(["sh", "-e", "/prepare/first"]), &volume), "echo one"), one, "another command");
    let mut newer = pod.clone();
    newer["containers"][0]["image"] = json!("redis:8.2");
    assert_eq!(digest(&newer, "echo one"), one, "an upgrade changes no script");
}

/// The objects of an example.
fn objects(example: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example);
    let texts =
        ["configmap.yaml", "statefulset.yaml"].map(|file| fs::read_to_string(folder.join(file)).expect("a file"));
    let documents = texts.iter().flat_map(|text| serde_yaml::Deserializer::from_str(text));
    documents.map(|document| Value::deserialize(document).expect("an object")).collect()
}

/// `kubectl stateful check` prints the digest too: after a change of such a script look again whether it keeps the role.
#[test]
fn the_examples_confirm_the_scripts_that_they_have() {
    for example in ["redis-replication", "postgres"] {
        let mut read: BTreeMap<String, ReadMap> = BTreeMap::new();
        let mut sets = Vec::new();
        for object in objects(example) {
            if object["kind"] == "ConfigMap" {
                let map: ConfigMap = serde_json::from_value(object).expect("a ConfigMap");
                read.insert(map.metadata.name.expect("a name"), Ok(map.data.unwrap_or_default()));
            } else {
                sets.push(serde_json::from_value::<StatefulSet>(object).expect("a StatefulSet"));
            }
        }
        let [set] = &sets[..] else { panic!("{example}: one StatefulSet") };
        let id = WorkloadId { namespace: "shop".to_owned(), name: example.to_owned() };
        let (pod, server) = parts(set, &id, PROFILES).expect("a database");
        let found = gather(pod, server, &read);
        assert_eq!(found.texts.len(), 2, "{example}: its command and its script");
        let annotations = set.metadata.annotations.as_ref();
        let confirmed = annotations.and_then(|annotations| annotations.get(&format!("{PREFIX}{KEEPS_ROLE}")));
        assert_eq!(confirmed, Some(&found.digest), "{example}");
    }
}
