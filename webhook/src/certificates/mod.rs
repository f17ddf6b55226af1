//! The certificate the guard answers with: where it comes from, and how it is replaced without anybody noticing.
//!
//! ```text
//!   Source            who makes it     who tells the API server       read from
//!   Own               every replica    every replica                  one Secret     controller, rotation, material, issue
//!   Secret            somebody else    somebody else (cert-manager)   that Secret    issued
//!   Directory         somebody else    somebody else                  two files      directory
//!                                          all of them end in         ServingCertificate        serving, key_pair
//! ```
//!
//! [`Certificates::new`] makes a TLS configuration that asks for the certificate anew at each connection;
//! [`Certificates::run`] sees to it that there is one, for as long as it is not dropped. Until there is one that callers
//! trust, [`Certificates::ready`] says why not. What cannot be used (half written, another certificate's key, run out) is
//! never taken into service: what is there stays, and the reason is logged once.

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

/// The Secret the guard keeps its own certificates in.
pub(crate) const SECRET: &str = "stateful-guard-tls";

/// What the webhook configurations are called, of both kinds.
pub(crate) const CONFIGURATION: &str = "stateful-guard";

/// Where the certificate comes from.
pub(crate) enum Source {
    /// We make it, and the authority that signs it, and keep both in the Secret [`SECRET`].
    Own {
        /// The cluster.
        cluster: Cluster,
        /// The namespace we run in.
        namespace: String,
        /// How long they live.
        times: RotationTimes,
    },
    /// Somebody else issues it into a Secret.
    Secret {
        /// The cluster.
        cluster: Cluster,
        /// The namespace we run in.
        namespace: String,
        /// The Secret.
        name: String,
    },
    /// It is mounted.
    Directory(PathBuf),
}

/// The guard's certificate.
#[derive(Clone)]
pub(crate) struct Certificates {
    serving: ServingCertificate,
    config: Arc<ServerConfig>,
}

impl Certificates {
    /// There is no certificate yet.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        let serving = ServingCertificate::default();
        let config = Arc::new(serving.server_config()?);
        Ok(Self { serving, config })
    }

    /// A certificate for a test to be answered with.
    #[cfg(test)]
    pub(crate) fn serving(key_pair: &keypair::TlsKeyPair, now: Timestamp) -> Self {
        let certificates = Self::new().expect("a configuration");
        certificates.serving.take(key_pair, true, now).expect("a good certificate");
        certificates
    }

    /// What the server speaks TLS with.
    pub(crate) fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// When the certificate in service runs out.
    pub(crate) fn not_after(&self) -> Option<Timestamp> {
        self.serving.not_after()
    }

    /// Whether whoever calls now is answered with a certificate he trusts; if not, why.
    pub(crate) fn ready(&self, now: Timestamp) -> Result<(), NotReady> {
        self.serving.ready(now)
    }

    /// Sees to it that there is a certificate, and always a good one. Never returns; drop it to end it.
    pub(crate) async fn run(&self, source: Source) {
        match source {
            Source::Own { cluster, namespace, times } => {
                let store = ClusterSecretStore::follow(cluster, &namespace, SECRET, CONFIGURATION);
                CertificateController::new(store, issue::names(&namespace), times, self.serving.clone()).keep().await;
            }
            Source::Secret { cluster, namespace, name } => {
                issued::follow(&CertificateSecret::follow(&cluster, &namespace, &name), &self.serving).await;
            }
            Source::Directory(path) => Directory::new(path).follow(&self.serving).await,
        }
    }
}
