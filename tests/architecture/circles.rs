//! No circle of modules: in a crate, and in each of its folders, modules that stand beside each other use each other in one
//! direction only. Then each can be read, tested and replaced after the ones it uses.
//!
//! What is read is every path that begins with `crate::`, `super::` or `self::`. A name that a folder re-exports leads to
//! the module that defines it, not to the folder. That a folder's `mod.rs` uses the files it declares, and they what it
//! defines itself, is not counted: one is the other's outline.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{ROOMS, Source, files};

/// A module by its path in a crate: `["guard", "policy"]`; the crate itself is the empty one.
type Module = Vec<String>;

/// Modules of one folder, each with the modules beside it that it uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

/// Circles that are still to be opened, each as its crate, its folder and its modules. Take a row off when it is open; no
/// row may be added.
const LEFT: &[(&str, &str, &str)] = &[
    ("engines", "", "endpoint, tls"),
    ("engines", "", "engine, pooler_control"),
    ("engines", "postgres", "pooler, switchover"),
    ("engines", "postgres/switchover", "promote, return_to_primary"),
    ("operations", "", "canary, live, session"),
    ("operations", "campaign", "eviction, run"),
    ("operations", "live", "pool_filter, poolers"),
    ("operations", "session", "error, pace"),
];

/// The module a file is, `None` for a file of tests beside its module.
fn module(path: &str, room: &str) -> Option<Module> {
    let inside = path.strip_prefix(&format!("{room}/src/"))?.strip_suffix(".rs")?;
    let mut parts: Module = inside.split('/').map(ToOwned::to_owned).collect();
    if matches!(parts.last()?.as_str(), "mod" | "lib" | "main") {
        parts.pop();
    }
    (!parts.iter().any(|part| part == "tests")).then_some(parts)
}

/// Every path of a source that begins at the crate, at the module above or at the module itself, with its first word.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' {
                continue;
            }
            let mut stem = Vec::new();
            expand(&code[at..], &mut stem, &mut found);
        }
    }
    found
}

/// Reads one path, with the braces it may end in; returns what follows it.
fn expand<'a>(text: &'a str, stem: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let depth = stem.len();
    let mut rest = text.trim_start();
    loop {
        if let Some(mut inside) = rest.strip_prefix('{') {
            loop {
                inside = inside.trim_start().trim_start_matches(',').trim_start();
                if let Some(after) = inside.strip_prefix('}') {
                    rest = after;
                    break;
                }
                let after = expand(inside, stem, found);
                if after.len() == inside.len() {
                    rest = after; // nothing that can be read: not a list of imports
                    break;
                }
                inside = after;
            }
            break;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            rest = rest.strip_prefix('*').unwrap_or(rest);
            break;
        }
        stem.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(after) => rest = after,
            None => break,
        }
    }
    if stem.len() > depth {
        found.push(stem.clone());
    }
    stem.truncate(depth);
    // `name as other`
    match rest.trim_start().strip_prefix("as ") {
        Some(renamed) => renamed.trim_start().trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
        None => rest,
    }
}

/// A crate's modules, and the names each re-exports from another module of the crate.
struct Crate {
    modules: BTreeSet<Module>,
    reexports: BTreeMap<(Module, String), Module>,
}

impl Crate {
    fn read(sources: &[(Module, &Source)]) -> Self {
        let modules: BTreeSet<Module> = sources.iter().map(|(module, _)| module.clone()).collect();
        let mut all = Self { modules, reexports: BTreeMap::new() };
        // Twice, so that a name that is handed on by two folders is followed to its end.
        for _ in 0..2 {
            let mut reexports = BTreeMap::new();
            for (module, source) in sources {
                for path in source.joined().split(';').filter_map(reexported).flat_map(|text| {
                    let (mut stem, mut found) = (Vec::new(), Vec::new());
                    expand(text, &mut stem, &mut found);
                    found
                }) {
                    let Some(name) = path.last().cloned() else { continue };
                    let absolute = if ["crate", "super", "self"].contains(&path[0].as_str()) {
                        all.leads(module, &path)
                    } else {
                        let first: Vec<String> = ["self".to_owned()].into_iter().chain(path.clone()).collect();
                        all.leads(module, &first)
                    };
                    if absolute != *module {
                        reexports.insert((module.clone(), name), absolute);
                    }
                }
            }
            all.reexports = reexports;
        }
        all
    }

    /// The module a path in that module leads to.
    fn leads(&self, from: &Module, path: &[String]) -> Module {
        let mut at = from.clone();
        for (index, part) in path.iter().enumerate() {
            match part.as_str() {
                "crate" if index == 0 => at.clear(),
                "self" => {}
                "super" => drop(at.pop()),
                name => {
                    let mut deeper = at.clone();
                    deeper.push(name.to_owned());
                    if self.modules.contains(&deeper) {
                        at = deeper;
                    } else {
                        return self.reexports.get(&(at.clone(), name.to_owned())).cloned().unwrap_or(at);
                    }
                }
            }
        }
        at
    }

    /// For each folder, which of its modules use which of their neighbours.
    fn uses(&self, sources: &[(Module, &Source)]) -> BTreeMap<Module, Uses> {
        let mut folders: BTreeMap<Module, Uses> = BTreeMap::new();
        for (module, source) in sources {
            for path in paths(&source.joined()) {
                let target = self.leads(module, &path);
                let common = module.iter().zip(&target).take_while(|(one, other)| one == other).count();
                if let (Some(here), Some(there)) = (module.get(common), target.get(common)) {
                    let folder = folders.entry(module[..common].to_vec()).or_default();
                    folder.entry(here.clone()).or_default().insert(there.clone());
                }
            }
        }
        folders
    }
}

/// The paths of a statement that re-exports something.
fn reexported(statement: &str) -> Option<&str> {
    let at = statement.find("pub use ").map(|at| at + "pub use ".len());
    at.or_else(|| statement.find("pub(crate) use ").map(|at| at + "pub(crate) use ".len()))
        .or_else(|| statement.find("pub(super) use ").map(|at| at + "pub(super) use ".len()))
        .map(|at| &statement[at..])
}

/// Modules that reach each other, in groups of more than one.
fn circles(uses: &Uses) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            for next in uses.get(at).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> = uses.keys().map(|name| (name, reach(name))).collect();
    let mut found = BTreeSet::new();
    for (name, there) in &reached {
        let group: Vec<String> = reached
            .iter()
            .filter(|(other, back)| there.contains(**other) && back.contains(*name))
            .map(|(other, _)| (*other).clone())
            .collect();
        if group.len() > 1 {
            found.insert(group);
        }
    }
    found.into_iter().collect()
}

/// The circles of a crate: each folder, the modules, and which uses which.
fn circles_of(room: &str) -> Vec<(String, String, String)> {
    let all = files(&format!("{room}/src"));
    let sources: Vec<(Module, &Source)> =
        all.iter().filter_map(|file| Some((module(&file.path, room)?, file))).collect();
    let folders = Crate::read(&sources).uses(&sources);
    let mut found = Vec::new();
    for (folder, uses) in folders {
        for circle in circles(&uses) {
            let inside = |name: &&String| circle.contains(name);
            let each = circle.iter().map(|name| {
                let used: Vec<&str> = uses[name].iter().filter(inside).map(String::as_str).collect();
                format!("{name} uses {}", used.join(" and "))
            });
            found.push((folder.join("/"), circle.join(", "), each.collect::<Vec<_>>().join("; ")));
        }
    }
    found
}

#[test]
fn no_modules_of_a_crate_use_each_other_in_a_circle() {
    for room in ROOMS {
        for (folder, circle, uses) in circles_of(room) {
            let left = LEFT.contains(&(room, &folder, &circle));
            assert!(left, "{room}/src/{folder}: {circle} use each other in a circle: {uses}");
        }
    }
}

#[test]
fn a_path_is_followed_through_braces_and_re_exports() {
    let code =
        "use crate::{Cluster, guard::{self, policy::Mode as M}};use super::lease;fn a() { crate::locks::take(); }";
    let found: Vec<String> = paths(code).into_iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::Cluster",
        "crate::guard::self",
        "crate::guard::policy::Mode",
        "crate",
        "crate::locks::take",
        "super::lease",
    ];
    for path in expected.iter().filter(|path| **path != "crate") {
        assert!(found.contains(&(*path).to_owned()), "{path} in {found:?}");
    }
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let (root, a, b) = (
        source("x/src/lib.rs", "pub mod a;\npub mod b;\npub use a::Thing;\n"),
        source("x/src/a.rs", "use crate::b::help;\n"),
        source("x/src/b.rs", "use crate::Thing;\n"),
    );
    let sources: Vec<(Module, &Source)> =
        [&root, &a, &b].map(|file| (module(&file.path, "x").expect("a module"), file)).into();
    let uses = Crate::read(&sources).uses(&sources);
    assert_eq!(circles(&uses[&Vec::new()]), [["a", "b"]], "{uses:?}");
}
