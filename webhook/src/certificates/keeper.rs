//! TOUCH. Keeps the guard's own certificates: looks at the Secret, takes into service what is there, publishes its
//! authorities, and does what is to be done next. Every replica does all of this; where two write at once the first has
//! written, and the other follows.

use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::{Contents, Error};
use tokio::time::{sleep, timeout};
use tracing::info;

use super::bundle::Bundle;
use super::keypair::{AUTHORITIES, Flaw};
use super::lifetimes::Terms;
use super::log_once::Complaint;
use super::material::{Material, Undone, carry_out};
use super::rotation::{Deed, next};
use super::secret_store::Ring;
use super::serving::Serving;

/// How long a look may take. What was read when it began is no older than this when it ends, which is what lets
/// [`Terms::settle`] outlast a replica that publishes what it read before another wrote.
const PATIENCE: Duration = Duration::from_secs(10);

/// After a deed the next is looked for at once, but not so fast that a deed which comes to nothing would heat the API
/// server.
const SOON: Duration = Duration::from_millis(250);

/// Keeps one Secret.
pub(crate) struct Keeper<R> {
    ring: R,
    names: Vec<String>,
    terms: Terms,
    serving: Serving,
    /// The authorities callers may have been told to trust: those of the last Secret that could be used.
    known: Bundle,
    flaws: Complaint,
}

/// Why a look came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unkept {
    /// The Secret could not be read or written.
    #[error("the Secret: {0}")]
    Secret(Error),
    /// The authorities could not be published.
    #[error("the webhook configurations: {0}")]
    Publish(Error),
    /// A certificate could not be made.
    #[error(transparent)]
    Undone(#[from] Undone),
    /// Somebody else keeps the Secret.
    #[error("the Secret is of type kubernetes.io/tls: somebody else issues what is in it, so it is not written")]
    IssuedByOthers,
}

impl<R: Ring> Keeper<R> {
    /// Nothing is looked at yet.
    pub(crate) fn new(ring: R, names: Vec<String>, terms: Terms, serving: Serving) -> Self {
        Self { ring, names, terms, serving, known: Bundle::default(), flaws: Complaint::about("our own Secret") }
    }

    /// Looks now and whenever something may have changed, until it is dropped.
    pub(crate) async fn keep(mut self) {
        let beat = self.terms.beat.unsigned_abs();
        let mut complaint = Complaint::about("keeping our certificates");
        loop {
            let pause = match timeout(PATIENCE, self.step(Timestamp::now())).await {
                Ok(Ok(deed)) => {
                    complaint.settle();
                    if deed == Deed::Nothing { beat } else { SOON.min(beat) }
                }
                Ok(Err(error)) => {
                    complaint.say(&error);
                    beat
                }
                Err(_) => {
                    complaint.say(&"the API server does not answer in time");
                    beat
                }
            };
            tokio::select! {
                () = self.ring.changed() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// One look, and at most one deed; says which.
    pub(crate) async fn step(&mut self, now: Timestamp) -> Result<Deed, Unkept> {
        let found = self.ring.load().await.map_err(Unkept::Secret)?;
        if found.as_ref().is_some_and(|(_, mark)| R::is_issued_by_others(mark)) {
            return Err(Unkept::IssuedByOthers);
        }
        let material = found.as_ref().and_then(|(contents, _)| self.read(contents));
        let mut published = Ok(());
        if let Some(material) = &material {
            self.take(material, now);
            // At every look, not only after a deed: somebody may have applied the configurations anew, without them.
            published = self.ring.publish(material.bundle.text().as_bytes()).await.map_err(Unkept::Publish);
        }
        let deed = next(material.as_ref().map(|material| &material.facts), now, &self.terms);
        let too_early = deed == Deed::NoteTrust && published.is_err();
        if deed != Deed::Nothing && !too_early {
            self.write(deed, found.as_ref(), now).await?;
        }
        published?;
        Ok(deed)
    }

    fn read(&mut self, contents: &Contents) -> Option<Material> {
        match Material::read(contents, &self.names) {
            Ok(material) => {
                self.flaws.settle();
                self.known.clone_from(&material.bundle);
                Some(material)
            }
            Err(flaw) => {
                if !contents.entries.is_empty() {
                    self.flaws.say(&flaw); // an empty one was laid out for us
                }
                let text = contents.entries.get(AUTHORITIES).map_or(&[] as &[u8], Vec::as_slice);
                self.known = Bundle::read(text).unwrap_or_default().and(&self.known);
                None
            }
        }
    }

    /// Where no caller can be lost any certificate will do; else one that is trusted stays until the next one is, by all.
    fn take(&mut self, material: &Material, now: Timestamp) {
        let Material { facts, pair, .. } = material;
        if self.serving.ready(now).is_ok() && !facts.may_replace(now, &self.terms) {
            return;
        }
        match self.serving.take(pair, facts.is_trusted(), now) {
            Ok(true) => info!(until = %pair.lifetime.until, "certificates: a new one is in service"),
            Ok(false) | Err(Flaw::Over(_)) => {} // the next deed replaces what is over
            Err(flaw) => self.flaws.say(&flaw),
        }
    }

    async fn write(&self, deed: Deed, found: Option<&(Contents, R::Mark)>, now: Timestamp) -> Result<(), Unkept> {
        let empty = Contents::default();
        let (contents, mark) = found.map_or((&empty, None), |(contents, mark)| (contents, Some(mark)));
        let after = carry_out(deed, contents, &self.known, &self.names, now, &self.terms)?;
        match self.ring.save(&after, mark).await {
            Ok(()) => info!(?deed, "certificates: done"),
            Err(Error::Conflict(_)) => {} // somebody was quicker: what there is to do now is looked for anew
            Err(error) => return Err(Unkept::Secret(error)),
        }
        Ok(())
    }
}
