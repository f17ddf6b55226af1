//! The way in to the API server for a client of the bench's own: kubectl would cost more than what is measured.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result};
use stateful_harness::Cluster;

use super::certificate::showing;
use super::line::Endpoint;

/// As the kubeconfig says, with its client certificate.
pub(crate) async fn endpoint(cluster: &Cluster) -> Result<Endpoint> {
    let server = field(cluster, "clusters", "cluster", "server").await?;
    let authority = decoded(cluster, "clusters", "cluster", "certificate-authority-data").await?;
    let certificate = decoded(cluster, "users", "user", "client-certificate-data").await?;
    let key = decoded(cluster, "users", "user", "client-key-data").await?;
    let address = server.trim().trim_start_matches("https://");
    Ok(Endpoint { address: resolved(address)?, tls: showing(&authority, &certificate, &key)? })
}

fn resolved(address: &str) -> Result<SocketAddr> {
    address.to_socket_addrs()?.next().with_context(|| format!("{address} is nowhere"))
}

async fn field(cluster: &Cluster, list: &str, inner: &str, name: &str) -> Result<String> {
    let template = format!("go-template={{{{range .{list}}}}}{{{{index .{inner} \"{name}\"}}}}{{{{end}}}}");
    cluster.kubectl(&["config", "view", "--raw", "--minify", "-o", &template]).await
}

async fn decoded(cluster: &Cluster, list: &str, inner: &str, name: &str) -> Result<String> {
    let template =
        format!("go-template={{{{range .{list}}}}}{{{{index .{inner} \"{name}\" | base64decode}}}}{{{{end}}}}");
    let text = cluster.kubectl(&["config", "view", "--raw", "--minify", "-o", &template]).await?;
    anyhow::ensure!(text.contains("-----BEGIN"), "the kubeconfig has no {name}");
    Ok(text)
}
