//! Threads that resolve names as a pod does. A MongoDB driver dials the members by the names in the set's configuration and accepts
//! no resolver; outside the cluster those names are unknown, and the machine's own settings are not ours to change. So each of
//! these threads sees another `/etc/resolv.conf`, which disappears with the thread.

use std::fs;
use std::sync::OnceLock;
#[cfg(target_os = "linux")]
use std::{path::Path, path::PathBuf, thread};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

use crate::cluster::is_existing;

/// The address of the test cluster's DNS.
#[cfg(target_os = "linux")]
const NAMESERVER: &str = "nameserver 172.30.0.1\n";

/// One for each core of the machine that `make test` is measured on.
const THREADS: usize = 2;

/// A lookup blocks its thread. Eight, because the load's eight writers may all look names up at once when every connection broke.
const LOOKUPS: usize = 8;

/// The one runtime whose threads use the cluster's DNS. With `CLUSTER=existing` they use the machine's own, and the driver connects
/// through a proxy (`SocksProxy`).
pub(crate) fn runtime() -> Result<&'static Runtime> {
    static MADE: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = MADE.get() {
        return Ok(runtime);
    }
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(THREADS).max_blocking_threads(LOOKUPS).thread_name("cluster-dns").enable_all();
    #[cfg(target_os = "linux")]
    if !is_existing() {
        let settings = settings()?;
        let tried = settings.clone();
        let tried = thread::spawn(move || use_cluster_dns(&tried)).join();
        tried
            .ok()
            .context("a thread panicked")?
            .context("a thread cannot have name servers of its own: are you root?")?;
        // It has just succeeded once. A thread in which it fails finds no name, and the load reports that.
        builder.on_thread_start(move || drop(use_cluster_dns(&settings)));
    }
    let made = builder.build()?;
    Ok(MADE.get_or_init(|| made))
}

/// The content of `/etc/resolv.conf` as those threads see it.
pub async fn resolv_conf_of_cluster_dns() -> Result<String> {
    let read = runtime()?.spawn(async { fs::read_to_string("/etc/resolv.conf") });
    Ok(read.await??)
}

/// The file that the threads see instead of the machine's `/etc/resolv.conf`.
#[cfg(target_os = "linux")]
fn settings() -> Result<PathBuf> {
    let folder = crate::repository().join("target/harness");
    fs::create_dir_all(&folder)?;
    let file = folder.join("resolv.conf");
    fs::write(&file, NAMESERVER)?;
    Ok(file)
}

/// Gives the calling thread mounts of its own, with that file over the machine's.
#[cfg(target_os = "linux")]
fn use_cluster_dns(settings: &Path) -> Result<()> {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};

    const NOTHING: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    // Private, so that the machine does not see what is mounted here.
    mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
    // It is often a link into a folder of systemd's.
    let machines_own = fs::canonicalize("/etc/resolv.conf")?;
    Ok(mount(Some(settings), &machines_own, NOTHING, MsFlags::MS_BIND, NOTHING)?)
}
