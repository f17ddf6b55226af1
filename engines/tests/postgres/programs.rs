//! The server's programs on this machine, and its processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Sends a signal to one process.
pub(crate) fn signal(kind: &str, process: u32) {
    let _ = Command::new("kill").arg(format!("-{kind}")).arg(process.to_string()).stderr(Stdio::null()).status();
}

/// Tells a server to stop at once: what it had is thrown away with its folder.
pub(crate) fn stop(data: &Path) {
    let first = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    if let Some(process) = first.lines().next().and_then(|line| line.parse().ok()) {
        signal("CONT", process);
        signal("QUIT", process);
    }
}

pub(crate) fn programs() -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").exists() && bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}

/// Whom the server runs as: it refuses to be root.
pub(crate) fn owner() -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    (fs::metadata("/proc/self").ok()?.uid() == 0).then_some((65_534, 65_534))
}

pub(crate) fn append(path: &Path, text: &str) {
    let before = fs::read_to_string(path).expect("a file");
    fs::write(path, format!("{before}\n{text}")).expect("a file");
}

pub(crate) fn succeed(command: &mut Command) {
    let done = command.output().expect("a program");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
