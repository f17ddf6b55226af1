//! Where a server's programs are on this machine. A law whose server is missing fails here with one sentence; it never passes
//! without having run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Where `make servers` puts them.
const INSTALLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/servers");

/// Where Debian's packages put PostgreSQL: a folder a release.
const DEBIAN_POSTGRES: &str = "/usr/lib/postgresql";

/// The program of that name: the one the environment variable names, else the one `make servers` has installed, else the one on
/// the PATH.
pub(crate) fn find(program: &str, variable: &str) -> PathBuf {
    if let Some(named) = env::var_os(variable).map(PathBuf::from) {
        assert!(named.is_file(), "{variable} names {}, and there is no such file", named.display());
        return named;
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [PathBuf::from(INSTALLED)].into_iter().chain(env::split_paths(&path));
    let found = folders.map(|folder| folder.join(program)).find(|program| program.is_file());
    found.unwrap_or_else(|| {
        panic!("there is no {program} on this machine: `make servers` installs it in target/servers")
    })
}

/// The folder with PostgreSQL's programs, looked for in the same order; `POSTGRES_BIN` names another.
pub(crate) fn postgres() -> PathBuf {
    let has_them = |folder: &PathBuf| folder.join("postgres").is_file() && folder.join("initdb").is_file();
    if let Some(named) = env::var_os("POSTGRES_BIN").map(PathBuf::from) {
        assert!(has_them(&named), "POSTGRES_BIN names {}, and there are no postgres and initdb", named.display());
        return named;
    }
    let releases = fs::read_dir(DEBIAN_POSTGRES).into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = releases.map(|release| release.path().join("bin")).collect();
    debian.sort();
    let found = [PathBuf::from(INSTALLED)].into_iter().chain(debian.into_iter().rev()).find(has_them);
    found.unwrap_or_else(|| {
        panic!("there is no PostgreSQL server on this machine: `make servers` installs it in target/servers")
    })
}

/// Runs a program to its end, which has to be a good one.
pub(crate) fn succeed(command: &mut Command) {
    let done = command.output().expect("a program");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Adds lines to a file that is there.
pub(crate) fn append(path: &Path, lines: &str) {
    let before = fs::read_to_string(path).expect("a file");
    fs::write(path, format!("{before}\n{lines}")).expect("a file");
}
