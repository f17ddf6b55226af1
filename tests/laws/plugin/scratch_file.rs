//! A file for the time of one law.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// A file in the temporary folder, deleted when dropped.
pub(super) struct ScratchFile {
    path: PathBuf,
}

impl ScratchFile {
    /// Writes it. The owner's name makes its name unique.
    pub(super) fn write(owner: &str, name: &str, text: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("{owner}-{name}"));
        fs::write(&path, text)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // A file that stays in the temporary folder does no harm.
        drop(fs::remove_file(&self.path));
    }
}
