//! The guard's command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

/// The guard: denies what would cost a database its writes, its quorum or its data.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Settings {
    /// The address on which admission requests are answered, over TLS
    #[arg(long, default_value = "0.0.0.0:8443")]
    pub(crate) listen: SocketAddr,
    /// The address on which /healthz, /readyz and /metrics are answered
    #[arg(long, default_value = "0.0.0.0:8080")]
    pub(crate) observe: SocketAddr,
    /// Where the certificate comes from: `self` (the guard issues it), `secret` (the Secret stateful-guard-tls, issued by
    /// cert-manager or by hand), or a directory with tls.crt and tls.key
    #[arg(long, default_value = "self")]
    pub(crate) certificates: String,
    /// The namespace the guard runs in
    #[arg(long, env = "POD_NAMESPACE", default_value = "kubectl-stateful")]
    pub(crate) namespace: String,
    /// The name of this replica
    #[arg(long, env = "POD_NAME", default_value = "stateful-guard")]
    pub(crate) name: String,
    /// The kubeconfig; in a pod none is needed
    #[arg(long, env = "KUBECONFIG")]
    pub(crate) kubeconfig: Option<PathBuf>,
}
