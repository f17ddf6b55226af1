//! A node whose kube-proxy follows nothing for a while: it stands still, and what it told the kernel before holds. Works on the
//! test cluster alone.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A proxy that stands still until this is dropped.
#[derive(Debug)]
pub struct LateProxy {
    id: String,
}

impl LateProxy {
    /// That of a node.
    pub fn of(node: &str) -> Result<Self> {
        let id = proxy_of(node)?.with_context(|| format!("{node} runs no kube-proxy"))?;
        ensure!(signal("STOP", &id), "the proxy of {node} could not be stopped");
        Ok(Self { id })
    }
}

impl Drop for LateProxy {
    fn drop(&mut self) {
        signal("CONT", &self.id);
    }
}

fn signal(kind: &str, id: &str) -> bool {
    Command::new("kill").arg(format!("-{kind}")).arg(id).status().is_ok_and(|status| status.success())
}

/// The system's number of its process: the one told to go by that node's name.
fn proxy_of(node: &str) -> Result<Option<String>> {
    for entry in fs::read_dir("/proc")? {
        let id = entry?.file_name().to_string_lossy().into_owned();
        let words = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let mut words = words.split('\0');
        if words.next().is_some_and(|program| program.ends_with("/kube-proxy")) && words.any(|word| word == node) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
