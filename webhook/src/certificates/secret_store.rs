//! What the certificate controller needs of a cluster: one Secret with compare-and-swap, and a place to publish authorities.
//! Tests implement it in memory.

use std::future::Future;

use stateful_cluster::guard::certificate_secret;
use stateful_cluster::guard::certificate_secret::{CertificateSecret, SecretContents, SecretVersion};
use stateful_cluster::{Cluster, Result};

/// One Secret, and the webhook configurations that hold its authorities.
pub(crate) trait SecretStore: Send + Sync {
    /// The Secret as it was when it was read.
    type Mark: Send + Sync;

    /// Whether the Secret is of a type that cert-manager or an operator issues.
    fn is_issued_by_others(mark: &Self::Mark) -> bool;

    /// Reads the Secret; none when it does not exist.
    fn load(&self) -> impl Future<Output = Result<Option<(SecretContents, Self::Mark)>>> + Send;

    /// Writes the Secret, provided it is still as it was; a conflict when another replica wrote first.
    fn save(&self, contents: &SecretContents, over: Option<&Self::Mark>) -> impl Future<Output = Result<()>> + Send;

    /// Makes every webhook configuration trust these authorities (PEM) and no others.
    fn publish(&self, bundle: &[u8]) -> impl Future<Output = Result<()>> + Send;

    /// Returns when the Secret may have changed.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// The Secret and configurations of a real cluster.
pub(crate) struct ClusterSecretStore {
    cluster: Cluster,
    secret: CertificateSecret,
    configuration: String,
}

impl ClusterSecretStore {
    /// Starts to watch the Secret. `configuration` is the name of the webhook configurations, of both kinds.
    pub(crate) fn follow(cluster: Cluster, namespace: &str, secret: &str, configuration: &str) -> Self {
        let secret = CertificateSecret::follow(&cluster, namespace, secret);
        Self { cluster, secret, configuration: configuration.to_owned() }
    }
}

impl SecretStore for ClusterSecretStore {
    type Mark = SecretVersion;

    fn is_issued_by_others(mark: &SecretVersion) -> bool {
        mark.is_issued_by_others()
    }

    async fn load(&self) -> Result<Option<(SecretContents, SecretVersion)>> {
        self.secret.load().await
    }

    async fn save(&self, contents: &SecretContents, over: Option<&SecretVersion>) -> Result<()> {
        self.secret.save(contents, over).await
    }

    async fn publish(&self, bundle: &[u8]) -> Result<()> {
        certificate_secret::publish_authorities(&self.cluster, &self.configuration, bundle).await
    }

    async fn changed(&self) {
        self.secret.changed().await;
    }
}
