//! What the keeper needs of a cluster: one Secret with compare-and-swap, and a place to publish authorities. The tests put
//! a cluster in memory behind it.

use std::future::Future;

use stateful_cluster::{CertificateSecret, Cluster, Contents, Mark, Result, publish};

/// The port.
pub(crate) trait Ring: Send + Sync {
    /// The Secret as it was when it was read.
    type Mark: Send + Sync;

    /// Whether somebody else issues what is in the Secret.
    fn is_issued_by_others(mark: &Self::Mark) -> bool;

    /// What is in the Secret; nothing when there is none.
    fn load(&self) -> impl Future<Output = Result<Option<(Contents, Self::Mark)>>> + Send;

    /// Writes the Secret, provided it is still as it was; a conflict when somebody was quicker.
    fn save(&self, contents: &Contents, over: Option<&Self::Mark>) -> impl Future<Output = Result<()>> + Send;

    /// Makes every webhook configuration trust these authorities (PEM) and no others.
    fn publish(&self, bundle: &[u8]) -> impl Future<Output = Result<()>> + Send;

    /// Returns when the Secret may have changed.
    fn changed(&self) -> impl Future<Output = ()> + Send;
}

/// A real cluster.
pub(crate) struct LiveRing {
    cluster: Cluster,
    keyring: CertificateSecret,
    configuration: String,
}

impl LiveRing {
    /// Begins to follow the Secret. `configuration` is what the webhook configurations are called, of both kinds.
    pub(crate) fn follow(cluster: Cluster, namespace: &str, secret: &str, configuration: &str) -> Self {
        let keyring = CertificateSecret::follow(&cluster, namespace, secret);
        Self { cluster, keyring, configuration: configuration.to_owned() }
    }
}

impl Ring for LiveRing {
    type Mark = Mark;

    fn is_issued_by_others(mark: &Mark) -> bool {
        mark.is_issued_by_others()
    }

    async fn load(&self) -> Result<Option<(Contents, Mark)>> {
        self.keyring.load().await
    }

    async fn save(&self, contents: &Contents, over: Option<&Mark>) -> Result<()> {
        self.keyring.save(contents, over).await
    }

    async fn publish(&self, bundle: &[u8]) -> Result<()> {
        publish(&self.cluster, &self.configuration, bundle).await
    }

    async fn changed(&self) {
        self.keyring.changed().await;
    }
}
