//! Threads that look names up as a pod does. A MongoDB driver dials its members by the names in the set's configuration and
//! takes no resolver; the cluster's names mean nothing to this machine, and its own settings are not ours to change. So each
//! of these threads sees another `/etc/resolv.conf`, which is gone with it.

use std::sync::OnceLock;
#[cfg(target_os = "linux")]
use std::{fs, path::Path, path::PathBuf, thread};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

/// What the test cluster's name service listens on.
#[cfg(target_os = "linux")]
const NAMESERVER: &str = "nameserver 172.30.0.1\n";

/// Two cores.
const THREADS: usize = 2;

/// Lookups block, one a thread: as many as a writer may start at once when everything is gone, and no more.
const LOOKUPS: usize = 8;

/// The one runtime whose threads are inside. On a cluster of the user's own they see what all others see: there the proofs
/// run where its names are known.
pub(super) fn runtime() -> Result<&'static Runtime> {
    static MADE: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = MADE.get() {
        return Ok(runtime);
    }
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(THREADS).max_blocking_threads(LOOKUPS).thread_name("inside").enable_all();
    #[cfg(target_os = "linux")]
    if std::env::var_os("CLUSTER").is_none_or(|cluster| cluster != "existing") {
        let settings = settings()?;
        let tried = settings.clone();
        let tried = thread::spawn(move || enter(&tried)).join();
        tried
            .ok()
            .context("a thread panicked")?
            .context("a thread cannot have name servers of its own: are you root?")?;
        // Tried just now, with its error; a thread that could not would find no name, which the load would say.
        builder.on_thread_start(move || drop(enter(&settings)));
    }
    let made = builder.build()?;
    Ok(MADE.get_or_init(|| made))
}

/// The file that is put over the machine's.
#[cfg(target_os = "linux")]
fn settings() -> Result<PathBuf> {
    let folder = crate::cluster::repository().join("target/harness");
    fs::create_dir_all(&folder)?;
    let file = folder.join("resolv.conf");
    fs::write(&file, NAMESERVER)?;
    Ok(file)
}

/// Gives the calling thread mounts of its own, and that file among them.
#[cfg(target_os = "linux")]
fn enter(settings: &Path) -> Result<()> {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};

    const NOTHING: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Or the machine would see what is mounted here.
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
    // It is often a link, into a folder somebody else keeps.
    let theirs = fs::canonicalize("/etc/resolv.conf")?;
    Ok(mount(Some(settings), &theirs, NOTHING, MsFlags::MS_BIND, NOTHING)?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{fs, thread};

    use super::{NAMESERVER, enter, settings};

    #[test]
    fn only_a_thread_inside_sees_the_clusters_name_service() {
        let read = || fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        let outside = read();
        let inside = thread::spawn(move || {
            let settings = settings().expect("a file");
            // Nobody but root may; nor may anybody else make the cluster whose names these are.
            enter(&settings).ok().map(|()| read())
        });
        let Some(inside) = inside.join().expect("a thread") else { return };
        assert_eq!(inside, NAMESERVER);
        assert_eq!(read(), outside);
    }
}
