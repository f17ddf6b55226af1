//! TOUCH. Maintains the guard's own certificates: reads the Secret, puts the certificate in it into service, publishes its
//! authorities, and carries out the next action of the rotation. Every replica does all of this; when two write at once the
//! first wins, and the other reads what the first wrote.

use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::Error;
use stateful_cluster::guard::certificate_secret::SecretContents;
use tokio::time::{sleep, timeout};
use tracing::info;

use super::bundle::Bundle;
use super::keypair::{AUTHORITIES, CertificateError};
use super::lifetimes::RotationTimes;
use super::log_once::LogOnce;
use super::material::{ActionError, Material, apply};
use super::rotation::{Action, next};
use super::secret_store::SecretStore;
use super::serving::ServingCertificate;

/// How long one step may take. What was read when it began is no older than this when it ends, so that
/// [`RotationTimes::settle`] outlasts a replica that publishes what it read before another wrote.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The pause between an action and the next: short, but not so short that an action without effect would load the API server.
const SOON: Duration = Duration::from_millis(250);

/// Maintains one Secret.
pub(crate) struct CertificateController<R> {
    store: R,
    names: Vec<String>,
    times: RotationTimes,
    serving: ServingCertificate,
    /// The authorities that callers may trust: those of the last Secret that could be used.
    known: Bundle,
    read_errors: LogOnce,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RotationError {
    /// The Secret could not be read or written.
    #[error("the Secret: {0}")]
    Secret(Error),
    /// The authorities could not be published.
    #[error("the webhook configurations: {0}")]
    Publish(Error),
    /// A certificate could not be issued.
    #[error(transparent)]
    ActionError(#[from] ActionError),
    /// The Secret belongs to cert-manager or an operator.
    #[error("the Secret is of type kubernetes.io/tls: the guard does not issue what is in it, and does not write it")]
    IssuedByOthers,
}

impl<R: SecretStore> CertificateController<R> {
    /// Makes a controller that has read nothing yet.
    pub(crate) fn new(store: R, names: Vec<String>, times: RotationTimes, serving: ServingCertificate) -> Self {
        Self {
            store,
            names,
            times,
            serving,
            known: Bundle::default(),
            read_errors: LogOnce::about("the Secret with the guard's certificates"),
        }
    }

    /// Steps now and whenever something may have changed, until it is dropped.
    pub(crate) async fn run(mut self) {
        let beat = self.times.beat.unsigned_abs();
        let mut log_once = LogOnce::about("the rotation of the guard's certificates");
        loop {
            let pause = match timeout(TIMEOUT, self.step(Timestamp::now())).await {
                Ok(Ok(action)) => {
                    log_once.resolve();
                    if action == Action::Nothing { beat } else { SOON.min(beat) }
                }
                Ok(Err(error)) => {
                    log_once.report(&error);
                    beat
                }
                Err(_) => {
                    log_once.report(&"the API server does not answer in time");
                    beat
                }
            };
            tokio::select! {
                () = self.store.changed() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Reads the Secret and carries out at most one action; returns which.
    pub(crate) async fn step(&mut self, now: Timestamp) -> Result<Action, RotationError> {
        let found = self.store.load().await.map_err(RotationError::Secret)?;
        if found.as_ref().is_some_and(|(_, mark)| R::is_issued_by_others(mark)) {
            return Err(RotationError::IssuedByOthers);
        }
        let material = found.as_ref().and_then(|(contents, _)| self.read(contents));
        let mut published = Ok(());
        if let Some(material) = &material {
            self.take(material, now);
            // At every step, not only after an action: the configurations may have been applied again, without the authorities.
            published = self.store.publish(material.bundle.text().as_bytes()).await.map_err(RotationError::Publish);
        }
        let action = next(material.as_ref().map(|material| &material.facts), now, &self.times);
        let too_early = action == Action::NoteTrust && published.is_err();
        if action != Action::Nothing && !too_early {
            self.write(action, found.as_ref(), now).await?;
        }
        published?;
        Ok(action)
    }

    fn read(&mut self, contents: &SecretContents) -> Option<Material> {
        match Material::read(contents, &self.names) {
            Ok(material) => {
                self.read_errors.resolve();
                self.known.clone_from(&material.bundle);
                Some(material)
            }
            Err(error) => {
                if !contents.entries.is_empty() {
                    self.read_errors.report(&error); // an empty Secret was created for the guard to fill
                }
                let text = contents.entries.get(AUTHORITIES).map_or(&[] as &[u8], Vec::as_slice);
                self.known = Bundle::read(text).unwrap_or_default().and(&self.known);
                None
            }
        }
    }

    /// Puts a certificate into service. A trusted one stays until every caller trusts the next; where none is trusted any will do.
    fn take(&mut self, material: &Material, now: Timestamp) {
        let Material { facts, key_pair, .. } = material;
        if self.serving.ready(now).is_ok() && !facts.may_replace(now, &self.times) {
            return;
        }
        match self.serving.take(key_pair, facts.is_trusted(), now) {
            Ok(true) => info!(until = %key_pair.lifetime.until, "a new certificate is in service"),
            Ok(false) | Err(CertificateError::Expired(_)) => {} // the next action replaces an expired certificate
            Err(error) => self.read_errors.report(&error),
        }
    }

    async fn write(
        &self,
        action: Action,
        found: Option<&(SecretContents, R::Mark)>,
        now: Timestamp,
    ) -> Result<(), RotationError> {
        let empty = SecretContents::default();
        let (contents, mark) = found.map_or((&empty, None), |(contents, mark)| (contents, Some(mark)));
        let after = apply(action, contents, &self.known, &self.names, now, &self.times)?;
        match self.store.save(&after, mark).await {
            Ok(()) => info!(?action, "the certificates' Secret was written"),
            Err(Error::Conflict(_)) => {} // another replica wrote first: the next step reads what it wrote
            Err(error) => return Err(RotationError::Secret(error)),
        }
        Ok(())
    }
}
