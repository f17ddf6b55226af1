//! A file that is made from the code: the test that made it holds it to it.

use std::{env, fs};

use crate::source::root;

/// Compares a file of the repository with what it should say; with `UPDATE_GOLDEN=1` writes it instead.
pub(crate) fn assert_golden(path: &str, text: &str) {
    let file = root().join(path);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, text).expect("a writable file");
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        found == text,
        "{path} is not what the code says; UPDATE_GOLDEN=1 make check writes it anew. It should be:\n{text}"
    );
}
