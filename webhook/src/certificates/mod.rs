//! The certificate the guard serves: where it comes from, and how it is replaced without interrupting a request.
//!
//! ```text
//!   Source            issued by                    trusted by the API server through    read from
//!   Own               every replica                every replica                        one Secret   controller, rotation,
//!                                                                                                    material, issue
//!   Secret            cert-manager or an operator  cert-manager or an operator          that Secret  issued
//!   Directory         the owner of the mount       the owner of the mount               two files    directory
//!                                                     all of them end in ServingCertificate: serving, keypair
//! ```
//!
//! [`Certificates::new`] makes a TLS configuration that looks the certificate up at each connection;
//! [`Certificates::run`] keeps one available until it is dropped. Until there is one that callers trust,
//! [`Certificates::ready`] says why not. What cannot be used (half written, another certificate's key, expired) never goes
//! into service: the certificate in service stays, and the reason is logged once.

mod bundle;
mod controller;
mod directory;
mod issue;
mod issued;
mod keypair;
mod lifetimes;
mod log_once;
mod material;
mod rotation;
mod secret_store;
mod serving;
#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::ServerConfig;
use stateful_cluster::Cluster;
use stateful_cluster::guard::certificate_secret::CertificateSecret;

use controller::CertificateController;
use directory::Directory;
pub(crate) use lifetimes::RotationTimes;
use secret_store::ClusterSecretStore;
pub(crate) use serving::NotReady;
use serving::ServingCertificate;

/// The Secret with the guard's certificates.
pub(crate) const SECRET: &str = "stateful-guard-tls";

/// The name of the webhook configurations, of both kinds.
pub(crate) const CONFIGURATION: &str = "stateful-guard";

/// Where the certificate comes from.
pub(crate) enum Source {
    /// The guard issues it, and the authority that signs it, and keeps both in the Secret [`SECRET`].
    Own {
        /// The cluster.
        cluster: Cluster,
        /// The namespace the guard runs in.
        namespace: String,
        /// How long certificates and authorities live.
        times: RotationTimes,
    },
    /// cert-manager or an operator issues it into a Secret.
    Secret {
        /// The cluster.
        cluster: Cluster,
        /// The namespace the guard runs in.
        namespace: String,
        /// The Secret.
        name: String,
    },
    /// It is mounted as files.
    Directory(PathBuf),
}

/// The guard's certificate.
#[derive(Clone)]
pub(crate) struct Certificates {
    serving: ServingCertificate,
    config: Arc<ServerConfig>,
}

impl Certificates {
    /// Starts without a certificate.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        let serving = ServingCertificate::default();
        let config = Arc::new(serving.server_config()?);
        Ok(Self { serving, config })
    }

    /// Serves this certificate, for a test.
    #[cfg(test)]
    pub(crate) fn serving(key_pair: &keypair::TlsKeyPair, now: Timestamp) -> Self {
        let certificates = Self::new().expect("a configuration");
        certificates.serving.take(key_pair, true, now).expect("a good certificate");
        certificates
    }

    /// The TLS configuration of the server.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// When the certificate in service expires.
    pub(crate) fn not_after(&self) -> Option<Timestamp> {
        self.serving.not_after()
    }

    /// Whether callers trust the certificate in service; if not, why.
    pub(crate) fn ready(&self, now: Timestamp) -> Result<(), NotReady> {
        self.serving.ready(now)
    }

    /// Keeps a valid certificate in service. Never returns; drop it to end it.
    pub(crate) async fn run(&self, source: Source) {
        match source {
            Source::Own { cluster, namespace, times } => {
                let store = ClusterSecretStore::follow(cluster, &namespace, SECRET, CONFIGURATION);
                CertificateController::new(store, issue::names(&namespace), times, self.serving.clone()).run().await;
            }
            Source::Secret { cluster, namespace, name } => {
                issued::follow(&CertificateSecret::follow(&cluster, &namespace, &name), &self.serving).await;
            }
            Source::Directory(path) => Directory::new(path).follow(&self.serving).await,
        }
    }
}
