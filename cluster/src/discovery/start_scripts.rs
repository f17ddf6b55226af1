//! LOOK. Reads what runs each time a member's pod starts: the commands of its containers, and the scripts of ConfigMaps that
//! these name.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapVolumeSource, Container, KeyToPath, PodSpec, Volume, VolumeMount,
};
use kube::api::Api;
use sha2::{Digest, Sha256};
use stateful_safety::{StartScripts, StartText, UnreadScript, WorkloadId};

use super::container::parts;
use crate::metadata::own_annotations;
use crate::{Cluster, Error, Result};

/// The annotation, without its prefix, by which an administrator says that a start keeps each member's role.
pub(crate) const KEEPS_ROLE: &str = "keeps-role";

/// All texts together are at most as long as this. A start script has some hundred lines; what is longer is no start script.
const MOST_BYTES: usize = 256 * 1024;

/// Files of ConfigMaps that a container mounts: who may write a ConfigMap must not keep the guard busy with it.
const MOST_FILES: usize = 200;

/// Programs that run the file which is their first argument.
const INTERPRETERS: &[&str] = &["sh", "bash", "dash", "ash", "python", "python3", "perl", "source", "."];

/// Reads what starts the members of a workload. A script that cannot be read is part of the answer.
/// [`Error::NotFound`] when the StatefulSet does not exist or runs no known engine, [`Error::Target`] when more than one of its
/// containers could be the server.
pub async fn read(cluster: &Cluster, id: &WorkloadId) -> Result<StartScripts> {
    let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let set = sets.get(&id.name).await?;
    let (pod, server) = parts(&set, id, cluster.profiles)?;
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &id.namespace);
    let mut read = BTreeMap::new();
    for name in config_maps(pod, server) {
        let map = match maps.get(&name).await.map_err(Error::from) {
            Ok(map) => Ok(texts_of(map)),
            Err(why @ (Error::Forbidden(_) | Error::NotFound(_) | Error::Refused { .. })) => Err(why.to_string()),
            Err(other) => return Err(other), // the API server is away: what was read before still counts
        };
        read.insert(name, map);
    }
    let confirmed = own_annotations(set.metadata.annotations.as_ref()).remove(KEEPS_ROLE);
    Ok(StartScripts { workload: id.name.clone(), confirmed, ..gather(pod, server, &read) })
}

/// The keys of a ConfigMap with their texts, or why it could not be read.
type ReadMap = std::result::Result<BTreeMap<String, String>, String>;

/// The keys of a ConfigMap that are text, however they are stored.
fn texts_of(map: ConfigMap) -> BTreeMap<String, String> {
    let binary = map.binary_data.unwrap_or_default().into_iter();
    let binary = binary.filter_map(|(key, bytes)| Some((key, String::from_utf8(bytes.0).ok()?)));
    map.data.unwrap_or_default().into_iter().chain(binary).collect()
}

/// A file that a container mounts.
struct MountedFile<'a> {
    /// Its path in that container.
    path: String,
    /// The ConfigMap and the key, as a sentence names them.
    origin: String,
    text: &'a str,
}

/// A ConfigMap that a container mounts, and that could not be read.
struct UnreadMap {
    name: String,
    /// Where it is mounted.
    path: String,
    why: String,
}

/// THINK. What runs at a start, from the pod template and the ConfigMaps.
fn gather(pod: &PodSpec, server: &Container, maps: &BTreeMap<String, ReadMap>) -> StartScripts {
    let mut found = StartScripts {
        own_entrypoint: server.command.is_none().then(|| server.image.clone()).flatten(),
        ..StartScripts::default()
    };
    for container in starting(pod, server) {
        let from = found.texts.len();
        found.texts.extend(commands(container));
        let (files, unread) = mounted(pod, container, maps);
        if files.len() <= MOST_FILES {
            add_named_files(&mut found.texts, from, files);
        } else {
            found.unread.push(UnreadScript {
                what: format!("what container {} mounts from ConfigMaps", container.name),
                why: format!("it is {} files, and at most {MOST_FILES} are read", files.len()),
                config_map: None,
            });
        }
        let texts = &found.texts[from..];
        let is_named = |unread: &UnreadMap| texts.iter().any(|text| names_script_below(&text.text, &unread.path));
        found.unread.extend(unread.into_iter().filter(is_named).map(|unread| UnreadScript {
            what: format!("what container {} starts below {}", container.name, unread.path),
            why: unread.why,
            config_map: Some(unread.name),
        }));
        found.unread.extend(started_elsewhere(pod, container));
    }
    found.digest = digest(&found.texts);
    let bytes: usize = found.texts.iter().map(|text| text.text.len()).sum();
    if bytes > MOST_BYTES {
        found.texts.clear(); // the guard keeps them for each database
        let why = format!("it has {bytes} bytes, and at most {MOST_BYTES} are read");
        found.unread.push(UnreadScript { what: "what starts its members".to_owned(), why, config_map: None });
    }
    found
}

/// The containers whose start can change what is in the data directory: those before the server, and the server's.
fn starting<'a>(pod: &'a PodSpec, server: &'a Container) -> impl Iterator<Item = &'a Container> {
    pod.init_containers.iter().flatten().chain([server])
}

/// The commands of a container: its own with its arguments, and what it runs after its start.
fn commands(container: &Container) -> Vec<StartText> {
    let own: Vec<&str> = container.command.iter().chain(&container.args).flatten().map(String::as_str).collect();
    let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.post_start.as_ref()?.exec.as_ref());
    let hook: Vec<&str> =
        hook.and_then(|exec| exec.command.as_ref()).into_iter().flatten().map(String::as_str).collect();
    let text = |what: &str, words: Vec<&str>| {
        let origin = format!("the {what} of container {}", container.name);
        (!words.is_empty()).then(|| StartText { origin, text: words.join(" ") })
    };
    [text("command", own), text("postStart hook", hook)].into_iter().flatten().collect()
}

/// Adds to the texts from `from` on the files that are scripts, or that one of those texts names. A text is searched once.
fn add_named_files(texts: &mut Vec<StartText>, from: usize, mut files: Vec<MountedFile<'_>>) {
    let mut searched = from;
    loop {
        let is_run = |file: &MountedFile<'_>| {
            file.text.starts_with("#!") || texts[searched..].iter().any(|text| names(&text.text, &file.path))
        };
        let (run, rest): (Vec<_>, Vec<_>) = files.into_iter().partition(is_run);
        if run.is_empty() {
            return;
        }
        searched = texts.len();
        let text = |file: MountedFile<'_>| StartText { origin: file.origin, text: file.text.to_owned() };
        texts.extend(run.into_iter().map(text));
        files = rest;
    }
}

/// The files that a container mounts from ConfigMaps, and the ConfigMaps that could not be read. Configuration files are none of
/// them.
fn mounted<'a>(
    pod: &PodSpec,
    container: &Container,
    maps: &'a BTreeMap<String, ReadMap>,
) -> (Vec<MountedFile<'a>>, Vec<UnreadMap>) {
    let (mut files, mut unread) = (Vec::new(), Vec::new());
    for mount in container.volume_mounts.iter().flatten() {
        for (name, items) in sources(pod, mount) {
            match maps.get(name) {
                Some(Ok(keys)) => files.extend(keys.iter().filter_map(|(key, text)| {
                    let path = path_of(mount, items, key).filter(|path| !is_configuration(path))?;
                    Some(MountedFile { path, origin: format!("ConfigMap {name}, key {key}"), text })
                })),
                Some(Err(why)) => {
                    unread.push(UnreadMap { name: name.to_owned(), path: mount.mount_path.clone(), why: why.clone() });
                }
                None => {}
            }
        }
    }
    (files, unread)
}

/// The ConfigMaps of a mount's volume, each with the keys that it selects.
fn sources<'p>(pod: &'p PodSpec, mount: &VolumeMount) -> Vec<(&'p str, Option<&'p Vec<KeyToPath>>)> {
    let Some(volume) = volume_of(pod, mount) else { return Vec::new() };
    let own =
        volume.config_map.as_ref().map(|ConfigMapVolumeSource { name, items, .. }| (name.as_str(), items.as_ref()));
    let projected = volume.projected.iter().flat_map(|projected| projected.sources.iter().flatten());
    let projected = projected.filter_map(|source| source.config_map.as_ref());
    own.into_iter().chain(projected.map(|map| (map.name.as_str(), map.items.as_ref()))).collect()
}

fn volume_of<'p>(pod: &'p PodSpec, mount: &VolumeMount) -> Option<&'p Volume> {
    pod.volumes.iter().flatten().find(|volume| volume.name == mount.name)
}

/// Where a container finds a key of a ConfigMap; none where it does not mount that key.
fn path_of(mount: &VolumeMount, items: Option<&Vec<KeyToPath>>, key: &str) -> Option<String> {
    let file = match items {
        None => key,
        Some(items) => items.iter().find(|item| item.key == key).map(|item| item.path.as_str())?,
    };
    let below = mount.mount_path.trim_end_matches('/');
    match mount.sub_path.as_deref().unwrap_or_default() {
        "" => Some(format!("{below}/{file}")),
        sub_path => (sub_path == file).then(|| below.to_owned()),
    }
}

/// Programs that a container starts from a volume whose files this tool does not read: a Secret, a claim, an emptyDir.
fn started_elsewhere(pod: &PodSpec, container: &Container) -> Option<UnreadScript> {
    let mut words = container.command.iter().chain(&container.args).flatten().map(String::as_str);
    let first = words.next()?;
    let is_interpreter = INTERPRETERS.contains(&first.rsplit('/').next()?);
    let program = if is_interpreter { words.find(|word| !word.starts_with('-'))? } else { first };
    let is_at = |path: &str| program == path || program.starts_with(&format!("{}/", path.trim_end_matches('/')));
    let mounts = container.volume_mounts.iter().flatten().filter(|mount| is_at(&mount.mount_path));
    let mount = mounts.max_by_key(|mount| mount.mount_path.len())?;
    let volume = volume_of(pod, mount);
    let is_readable = volume.is_some_and(|volume| volume.config_map.is_some() || volume.projected.is_some());
    (!is_readable && !program.contains(char::is_whitespace)).then(|| UnreadScript {
        what: format!("{program} of container {}", container.name),
        why: format!("it is on volume {}, which is no ConfigMap", mount.name),
        config_map: None,
    })
}

/// Whether a text names a file: by its path, or by its name below some directory.
fn names(text: &str, path: &str) -> bool {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || ['-', '_', '.'].contains(&next));
    let below = format!("/{file}");
    text.match_indices(&below).any(|(at, _)| ends(&text[at + below.len()..]))
}

/// Whether a text names a file at or below a path that may be a script.
fn names_script_below(text: &str, path: &str) -> bool {
    let path = path.trim_end_matches('/');
    let is_end = |char: char| char.is_whitespace() || ['"', '\'', ';', ')', '&', '|', '<', '>'].contains(&char);
    text.match_indices(path).any(|(at, _)| {
        let rest = &text[at + path.len()..];
        let below = &rest[..rest.find(is_end).unwrap_or(rest.len())];
        (below.is_empty() || below.starts_with('/')) && !is_configuration(path) && !is_configuration(below)
    })
}

/// Configuration files start nothing.
fn is_configuration(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "conf")
}

/// The ConfigMaps that the containers mount which run at a start.
fn config_maps(pod: &PodSpec, server: &Container) -> Vec<String> {
    let mounts = starting(pod, server).flat_map(|container| container.volume_mounts.iter().flatten());
    let mut names: Vec<String> =
        mounts.flat_map(|mount| sources(pod, mount)).map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

fn digest(texts: &[StartText]) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.text.as_bytes());
        digest.update([0]); // so that two texts are not one
    }
    let first = digest.finalize().iter().take(6).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{first:012x}")
}

#[cfg(test)]
mod tests;
