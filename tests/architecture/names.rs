//! One name for one thing: no public type is defined twice within the product, so that a name in a message, a search or a
//! review means one thing.

use std::collections::BTreeMap;

use crate::source::{ROOMS, Source, files};

/// What defines a type, and the form of its definition that other crates can see.
const TYPES: &[&str] = &["pub struct ", "pub enum ", "pub trait ", "pub type "];

/// Names that every library has one of, by the custom of the language.
const CUSTOM: &[&str] = &["Error", "Result"];

/// Names that are defined twice and still to be told apart. Take a name off when it is; none may be added.
const LEFT: &[&str] = &["Cluster", "Row"];

/// The public types a file defines: no test's, and none that is public inside a crate alone.
fn types(file: &Source) -> Vec<String> {
    let named = |line: &str| {
        let rest = TYPES.iter().find_map(|start| line.strip_prefix(start))?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    };
    file.code().filter_map(|(_, line)| named(line)).collect()
}

/// The public functions a file defines outside of any type: those are called by the name of their module.
fn functions(file: &Source) -> Vec<String> {
    let named = |line: &str| {
        let rest = line.strip_prefix("pub fn ").or_else(|| line.strip_prefix("pub async fn "))?;
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        Some(rest[..end].to_owned())
    };
    file.code().filter_map(|(_, line)| named(line)).collect()
}

/// The module of a file, by which its functions are called: its name, or its folder's. An engine's folder names the engine.
fn module(path: &str) -> &str {
    if let Some(engine) = engine(path) {
        return engine;
    }
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

/// The engine in whose folder a file is. The folders are alike on purpose: what each calls its answers or its profile is told
/// apart by the engine's name, as `redis::Answers` and `postgres::Answers`.
fn engine(path: &str) -> Option<&str> {
    let (folder, _) = path.strip_prefix("engines/src/")?.split_once('/')?;
    Some(folder)
}

fn libraries() -> Vec<Source> {
    ROOMS.iter().flat_map(|room| files(&format!("{room}/src"))).collect()
}

#[test]
fn no_public_type_is_defined_twice() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in libraries() {
        for name in types(&file).into_iter().filter(|name| !CUSTOM.contains(&name.as_str())) {
            places.entry(name).or_default().push(file.path.clone());
        }
    }
    places.retain(|_, files| files.len() > 1 && !files.iter().all(|path| engine(path).is_some()));
    places.retain(|name, _| !LEFT.contains(&name.as_str()));
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn two_public_functions_of_one_name_are_told_apart_by_their_modules() {
    let mut places: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for file in libraries() {
        for name in functions(&file) {
            places.entry((module(&file.path).to_owned(), name)).or_default().push(file.path.clone());
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn the_scan_sees_what_is_defined() {
    let defined: Vec<String> = libraries().iter().flat_map(types).collect();
    for name in ["Workload", "Plan", "EvictionRecord", "OperationLock"] {
        assert!(defined.iter().any(|found| found == name), "{name}");
    }
    let called: Vec<String> = libraries().iter().flat_map(functions).collect();
    assert!(called.iter().any(|name| name == "judge"));
}
