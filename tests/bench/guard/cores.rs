//! One core for who is asked and another for who asks, where there are two. Left to itself the kernel puts both ends of a
//! single line now on one core and now on two, and an answer takes four times as long on two: what would be compared is
//! where each server happened to be.
//!
//! The test cluster is with who asks. On the other core it would take turns with the server, and the kernel gives turns to
//! threads: a server with more of them gets more of the core, which is no measure of its answers.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Who is asked.
const SERVER: usize = 1;

/// Who asks.
const CLIENT: usize = 0;

/// The calling thread asks.
pub(crate) fn ask_from() -> Result<()> {
    on(Pid::from_raw(0), &[CLIENT])
}

/// All threads of a process answer.
pub(crate) fn answer_from(process: u32) -> Result<()> {
    threads(process)?.into_iter().try_for_each(|thread| on(thread, &[SERVER]))
}

/// They may be anywhere again.
pub(crate) fn anywhere(process: u32) -> Result<()> {
    threads(process)?.into_iter().try_for_each(|thread| on(thread, &[CLIENT, SERVER]))
}

/// The test cluster's processes on the core of who asks, as long as this lives. Another cluster is left where it is.
pub(crate) struct Aside(());

impl Aside {
    /// Puts them there.
    pub(crate) fn put() -> Result<Self> {
        let aside = Self(());
        each_of_the_cluster(&[CLIENT])?;
        Ok(aside)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Err(why) = each_of_the_cluster(&[CLIENT, SERVER]) {
            println!("the cluster stays on one core, until it is taken down: {why:#}");
        }
    }
}

fn each_of_the_cluster(cores: &[usize]) -> Result<()> {
    for process in cluster()? {
        for thread in threads(process).unwrap_or_default() {
            match on(thread, cores) {
                Err(why) if why.downcast_ref() != Some(&Errno::ESRCH) => return Err(why), // it has ended meanwhile
                _ => {}
            }
        }
    }
    Ok(())
}

/// Whoever `make cluster` has started, and who was started by them.
fn cluster() -> Result<Vec<u32>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository")?;
    let Ok(records) = fs::read_dir(repository.join("target/cluster/run/pids")) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for record in records {
        let told = fs::read_to_string(record?.path())?;
        found.extend(told.split_whitespace().next().and_then(|process| process.parse::<u32>().ok()));
    }
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(told) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // After the name, which may hold anything: the state, and who started it.
        let parent = told.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        children.entry(parent.unwrap_or_default()).or_default().push(process);
    }
    let mut at = 0;
    while let Some(process) = found.get(at) {
        found.extend(children.remove(process).unwrap_or_default());
        at += 1;
    }
    Ok(found)
}

fn threads(process: u32) -> Result<Vec<Pid>> {
    let all = fs::read_dir(format!("/proc/{process}/task"))?;
    all.map(|thread| {
        let name = thread?.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok()).context("a thread without a number")?;
        Ok(Pid::from_raw(id))
    })
    .collect()
}

fn on(thread: Pid, cores: &[usize]) -> Result<()> {
    let mut set = CpuSet::new();
    cores.iter().try_for_each(|core| set.set(*core))?;
    match sched_setaffinity(thread, &set) {
        Err(Errno::EINVAL) => Ok(()), // there is no such core
        other => Ok(other?),
    }
}
