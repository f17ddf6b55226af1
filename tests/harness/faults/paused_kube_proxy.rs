//! A kube-proxy that is stopped for a while: what it told the kernel before stays in force. Works only on the test cluster.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A kube-proxy that is stopped until this is dropped.
#[derive(Debug)]
pub struct PausedKubeProxy {
    id: String,
}

impl PausedKubeProxy {
    /// Stops that of a node.
    pub fn pause(node: &str) -> Result<Self> {
        let id = proxy_of(node)?.with_context(|| format!("{node} runs no kube-proxy"))?;
        ensure!(signal("STOP", &id), "the kube-proxy of {node} could not be stopped");
        Ok(Self { id })
    }
}

impl Drop for PausedKubeProxy {
    fn drop(&mut self) {
        signal("CONT", &self.id);
    }
}

fn signal(kind: &str, id: &str) -> bool {
    Command::new("kill").arg(format!("-{kind}")).arg(id).status().is_ok_and(|status| status.success())
}

/// The process id: of the one whose arguments contain the node's name.
fn proxy_of(node: &str) -> Result<Option<String>> {
    for entry in fs::read_dir("/proc")? {
        let id = entry?.file_name().to_string_lossy().into_owned();
        let command_line = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let mut arguments = command_line.split('\0');
        let program = arguments.next();
        if program.is_some_and(|program| program.ends_with("/kube-proxy")) && arguments.any(|argument| argument == node)
        {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
