//! Connections to pods through the API server, for a cluster whose pods cannot be reached by address from here: one
//! `kubectl port-forward` for each pod and port, started when it is first needed, and again when it has ended.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex as BlockingMutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{Cluster, Pod};

/// Longer than kubectl takes with an API server on the other side of the world, and short enough to fail with its own message.
const STARTED_WITHIN: Duration = Duration::from_secs(10);

/// The port-forwards of one cluster; all end when this is dropped.
#[derive(Debug, Default)]
pub(super) struct PortForwards(BlockingMutex<HashMap<Target, Arc<Mutex<Option<PortForward>>>>>);

/// Namespace, pod and port.
type Target = (String, String, u16);

/// `kubectl port-forward`, running until dropped.
#[derive(Debug)]
struct PortForward {
    /// That of the pod: a new pod of the same name needs another port-forward.
    uid: String,
    /// Where it listens on this machine.
    address: SocketAddr,
    kubectl: Child,
}

impl PortForwards {
    /// The address on this machine that leads to a port of a pod.
    pub(super) async fn address(&self, cluster: &Cluster, namespace: &str, pod: &Pod, port: u16) -> Result<SocketAddr> {
        let target = (namespace.to_owned(), pod.name.clone(), port);
        let slot = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(target).or_default())
        };
        let mut slot = slot.lock_owned().await;
        if let Some(running) = &mut *slot
            && running.uid == pod.uid
            && running.kubectl.try_wait()?.is_none()
        {
            return Ok(running.address);
        }
        // kubectl ends its port-forward when a connection to the pod fails, so this happens once for each restart of a server.
        let name = format!("pod/{}", pod.name);
        let ports = format!(":{port}");
        let args = ["--namespace", namespace, "port-forward", "--address", "127.0.0.1", &name, &ports];
        let (mut kubectl, uid) = (cluster.kubectl_command(&args), pod.uid.clone());
        // A task of its own: a driver that gives up connecting after a second must not end what the next attempt needs.
        let started = tokio::spawn(async move {
            *slot = None;
            let forward = PortForward::start(&mut kubectl, uid).await?;
            let address = forward.address;
            *slot = Some(forward);
            anyhow::Ok(address)
        });
        started.await?.with_context(|| format!("no port-forward to {}", pod.name))
    }
}

impl PortForward {
    async fn start(kubectl: &mut Command, uid: String) -> Result<Self> {
        let mut child = kubectl
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run kubectl")?;
        let mut stdout = BufReader::new(child.stdout.take().context("a pipe was asked for")?);
        let mut stderr = child.stderr.take().context("a pipe was asked for")?;
        let mut line = String::new();
        timeout(STARTED_WITHIN, stdout.read_line(&mut line))
            .await
            .with_context(|| format!("kubectl has said nothing for {STARTED_WITHIN:?}"))??;
        let Some(address) = listens_at(&line) else {
            let mut error = String::new();
            timeout(STARTED_WITHIN, stderr.read_to_string(&mut error)).await??;
            bail!("{}", error.trim());
        };
        // It prints a line for each connection, and would stop at a pipe that is full or closed.
        tokio::spawn(async move { tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await });
        tokio::spawn(async move { tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await });
        Ok(Self { uid, address, kubectl: child })
    }
}

/// The address in kubectl's line `Forwarding from 127.0.0.1:41234 -> 6379`.
fn listens_at(line: &str) -> Option<SocketAddr> {
    line.strip_prefix("Forwarding from ")?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::listens_at;

    #[test]
    fn the_address_is_read_from_kubectls_line() {
        assert_eq!(listens_at("Forwarding from 127.0.0.1:41234 -> 6379\n"), Some(([127, 0, 0, 1], 41234).into()));
        assert_eq!(listens_at("error: unable to forward port because pod is not running\n"), None);
    }
}
