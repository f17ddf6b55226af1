//! Processes of this machine, and what becomes of them: killed as by a lost machine, stopped as by a kubelet, frozen as by a
//! network that carries nothing any more.

use std::fs;
use std::process::{Child, Command, Stdio};

/// A server's process, gone with this value.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts it, with nothing on its standard input and output.
    pub(crate) fn start(command: &mut Command) -> Self {
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self(started.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// The system's number of it.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it has ended");
    }

    /// Asks it to end, as the kubelet does, and waits until it has.
    pub(crate) fn stop(&mut self) {
        signal("TERM", self.id());
        self.0.wait().expect("it has ended");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        thaw(self.id());
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Sends a signal to one process.
pub(crate) fn signal(kind: &str, process: u32) {
    let sent = Command::new("kill").arg(format!("-{kind}")).arg(process.to_string()).stderr(Stdio::null()).status();
    drop(sent); // the process may have ended meanwhile
}

/// Lets a process and those that it has started do nothing any more. Its connections stay open.
pub(crate) fn freeze(process: u32) {
    signal("STOP", process);
    children(process).for_each(freeze);
}

/// Lets them go on.
pub(crate) fn thaw(process: u32) {
    children(process).for_each(thaw);
    signal("CONT", process);
}

/// The processes that one has started.
pub(crate) fn children(process: u32) -> impl Iterator<Item = u32> {
    let numbers = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect::<Vec<u32>>().into_iter()
}
