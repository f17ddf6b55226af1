//! The product's own source text.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms whose code is the product. `tests` and `examples` are not shipped.
pub(crate) const ROOMS: &[&str] = &["safety", "engines", "cluster", "operations", "plugin", "webhook"];

/// A source file, by its path from the root of the repository.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests is a folder of the repository").to_owned()
}

/// Every Rust file under a folder of the repository, in order.
pub(crate) fn files(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Every Rust file that is shipped.
pub(crate) fn product() -> Vec<Source> {
    ROOMS.iter().flat_map(|room| files(&format!("{room}/src"))).collect()
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.expect("a readable folder").path()) {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a readable file");
            let path = path.strip_prefix(root()).expect("under the root").to_string_lossy().into_owned();
            found.push(Source { path, text });
        }
    }
}

impl Source {
    /// Its lines of code, with their numbers: no comments, and nothing of a test module at its end.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().take_while(|(_, line)| line.trim() != "#[cfg(test)]");
        lines.map(|(index, line)| (index + 1, line)).filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The same as one text without line breaks and indentation, so that a chain of calls reads as one.
    pub(crate) fn joined(&self) -> String {
        self.code().map(|(_, line)| line.trim()).collect()
    }

    /// Whether it is in a folder, or is that file.
    pub(crate) fn is_in(&self, place: &str) -> bool {
        self.path == place || (place.ends_with('/') && self.path.starts_with(place))
    }
}
