//! How the guard is told where and as what it runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// The guard: refuses what would cost a database writes, quorum or data.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Settings {
    /// Where admission requests are answered, over TLS
    #[arg(long, default_value = "0.0.0.0:8443")]
    pub(crate) listen: SocketAddr,
    /// Where /healthz, /readyz and /metrics are answered
    #[arg(long, default_value = "0.0.0.0:8080")]
    pub(crate) observe: SocketAddr,
    /// Where the certificate comes from: `self` (made here), `secret` (the Secret stateful-guard-tls, by somebody else),
    /// or a directory with tls.crt and tls.key
    #[arg(long, default_value = "self")]
    pub(crate) certificates: String,
    /// The namespace this runs in
    #[arg(long, env = "POD_NAMESPACE", default_value = "kubectl-stateful")]
    pub(crate) namespace: String,
    /// The name of this replica
    #[arg(long, env = "POD_NAME", default_value = "stateful-guard")]
    pub(crate) name: String,
    /// The cluster's configuration; in a pod there is none
    #[arg(long, env = "KUBECONFIG")]
    pub(crate) kubeconfig: Option<PathBuf>,
}
