//! One core for who is asked and another for who asks, where there are two. Left to itself the kernel puts both ends of a
//! single line now on one core and now on two, and an answer takes four times as long on two: what would be compared is
//! where each server happened to be.

use std::fs;

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
