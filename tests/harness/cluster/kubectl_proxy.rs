//! `kubectl proxy`: it authenticates to the API server for us, so that a request costs no kubectl process of its own.

use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Child;

use crate::{Cluster, Namespace};

/// `kubectl proxy`, running until dropped.
pub struct KubectlProxy {
    address: String,
    _child: Child,
}

/// An answer of the API server.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The warnings of the API server and of the webhooks that it asked.
    pub warnings: Vec<String>,
    /// The body, as it came.
    pub body: String,
}

impl KubectlProxy {
    /// Starts it on a free port.
    pub async fn start(cluster: &Cluster) -> Result<Self> {
        let mut child =
            cluster.kubectl_command(&["proxy", "--port", "0"]).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("a pipe was asked for")?;
        let line = BufReader::new(stdout).lines().next_line().await?.context("kubectl proxy prints nothing")?;
        let address = line.rsplit(' ').next().context("no address in it")?.to_owned();
        Ok(Self { address, _child: child })
    }

    /// Evicts a pod by name, as `kubectl drain` does.
    pub async fn evict(&self, namespace: &Namespace, pod: &str, dry_run: bool) -> Result<Reply> {
        let name = namespace.name();
        let options = if dry_run { ",\"deleteOptions\":{\"dryRun\":[\"All\"]}" } else { "" };
        let body = format!(
            "{{\"apiVersion\":\"policy/v1\",\"kind\":\"Eviction\",\
             \"metadata\":{{\"name\":\"{pod}\",\"namespace\":\"{name}\"}}{options}}}"
        );
        self.post(&format!("/api/v1/namespaces/{name}/pods/{pod}/eviction"), &body).await
    }

    async fn post(&self, path: &str, body: &str) -> Result<Reply> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status in it")?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no body in it")?;
        let warnings = head.lines().filter_map(|line| line.strip_prefix("Warning: ")).map(ToOwned::to_owned).collect();
        Ok(Reply { status, warnings, body: body.to_owned() })
    }
}
