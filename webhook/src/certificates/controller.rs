//! TOUCH. Keeps the guard's own certificates: looks at the Secret, takes into service what is there, publishes its
//! authorities, and does what is to be done next. Every replica does all of this; where two write at once the first has
//! written, and the other follows.

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
use super::material::{ActionError, Material, carry_out};
use super::rotation::{Action, next};
use super::secret_store::SecretStore;
use super::serving::ServingCertificate;

/// How long a look may take. What was read when it began is no older than this when it ends, which is what lets
/// [`RotationTimes::settle`] outlast a replica that publishes what it read before another wrote.
const TIMEOUT: Duration = Duration::from_secs(10);

/// After a action the next is looked for at once, but not so fast that a action which comes to nothing would heat the API
/// server.
const SOON: Duration = Duration::from_millis(250);

/// Keeps one Secret.
pub(crate) struct CertificateController<R> {
    store: R,
    names: Vec<String>,
    times: RotationTimes,
    serving: ServingCertificate,
    /// The authorities callers may have been told to trust: those of the last Secret that could be used.
    known: Bundle,
    flaws: LogOnce,
}

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RotationError {
    /// The Secret could not be read or written.
    #[error("the Secret: {0}")]
    Secret(Error),
    /// The authorities could not be published.
    #[error("the webhook configurations: {0}")]
    Publish(Error),
    /// A certificate could not be made.
    #[error(transparent)]
    ActionError(#[from] ActionError),
    /// Somebody else keeps the Secret.
    #[error("the Secret is of type kubernetes.io/tls: somebody else issues what is in it, so it is not written")]
    IssuedByOthers,
}

impl<R: SecretStore> CertificateController<R> {
    /// Nothing is looked at yet.
    pub(crate) fn new(store: R, names: Vec<String>, times: RotationTimes, serving: ServingCertificate) -> Self {
        Self { store, names, times, serving, known: Bundle::default(), flaws: LogOnce::about("our own Secret") }
    }

    /// Looks now and whenever something may have changed, until it is dropped.
    pub(crate) async fn keep(mut self) {
        let beat = self.times.beat.unsigned_abs();
        let mut log_once = LogOnce::about("keeping our certificates");
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

    /// One look, and at most one action; says which.
    pub(crate) async fn step(&mut self, now: Timestamp) -> Result<Action, RotationError> {
        let found = self.store.load().await.map_err(RotationError::Secret)?;
        if found.as_ref().is_some_and(|(_, mark)| R::is_issued_by_others(mark)) {
            return Err(RotationError::IssuedByOthers);
        }
        let material = found.as_ref().and_then(|(contents, _)| self.read(contents));
        let mut published = Ok(());
        if let Some(material) = &material {
            self.take(material, now);
            // At every look, not only after a action: somebody may have applied the configurations anew, without them.
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
                self.flaws.resolve();
                self.known.clone_from(&material.bundle);
                Some(material)
            }
            Err(error) => {
                if !contents.entries.is_empty() {
                    self.flaws.report(&error); // an empty one was laid out for us
                }
                let text = contents.entries.get(AUTHORITIES).map_or(&[] as &[u8], Vec::as_slice);
                self.known = Bundle::read(text).unwrap_or_default().and(&self.known);
                None
            }
        }
    }

    /// Where no caller can be lost any certificate will do; else one that is trusted stays until the next one is, by all.
    fn take(&mut self, material: &Material, now: Timestamp) {
        let Material { facts, key_pair, .. } = material;
        if self.serving.ready(now).is_ok() && !facts.may_replace(now, &self.times) {
            return;
        }
        match self.serving.take(key_pair, facts.is_trusted(), now) {
            Ok(true) => info!(until = %key_pair.lifetime.until, "certificates: a new one is in service"),
            Ok(false) | Err(CertificateError::Over(_)) => {} // the next action replaces what is over
            Err(error) => self.flaws.report(&error),
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
        let after = carry_out(action, contents, &self.known, &self.names, now, &self.times)?;
        match self.store.save(&after, mark).await {
            Ok(()) => info!(?action, "certificates: done"),
            Err(Error::Conflict(_)) => {} // somebody was quicker: what there is to do now is looked for anew
            Err(error) => return Err(RotationError::Secret(error)),
        }
        Ok(())
    }
}
