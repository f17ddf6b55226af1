//! Plain words: a sentence names who does something and what is done to. The words listed here stand for a noun that the
//! reader has to guess; none of them is in the product's sources, its manifests or its documents.

use std::fs;
use std::path::Path;

use crate::source::root;

/// Words that hide who is meant.
const RIDDLES: &[&str] = &["somebody", "nobody", "whoever", "anybody", "everybody"];

/// What is read: folders of the repository, and documents.
const READ: &[&str] = &[
    "safety/src",
    "engines/src",
    "cluster/src",
    "operations/src",
    "plugin/src",
    "webhook/src",
    "manifests",
    "docs",
    "examples",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
];

fn count(path: &Path) -> usize {
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a readable folder");
        return entries
            .map(|entry| entry.expect("a readable folder").path())
            .filter(|path| path.file_name().is_some_and(|name| name != "recorded" && name != "target"))
            .map(|path| count(&path))
            .sum();
    }
    let Ok(text) = fs::read_to_string(path) else { return 0 }; // a picture
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| RIDDLES.contains(word)).count()
}

#[test]
fn no_sentence_hides_who_is_meant() {
    for place in READ {
        let found = count(&root().join(place));
        assert_eq!(found, 0, "{place}: {found} of {RIDDLES:?}; say who is meant");
    }
}
