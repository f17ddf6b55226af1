//! Fixtures of the certificates' laws: a cluster in memory, and callers that verify as an API server does.

pub(crate) mod caller;
mod controller;
mod files;
mod load;
mod property;
mod transitions;
mod unusable;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{ServerName, UnixTime};
use stateful_cluster::guard::certificate_secret::SecretContents;
use stateful_cluster::{Error, Result};

use caller::Caller;

use super::bundle::{Authority, Bundle};
use super::controller::CertificateController;
use super::issue;
use super::keypair::TlsKeyPair;
use super::lifetimes::{Lifetime, RotationTimes};
use super::secret_store::SecretStore;
use super::serving::ServingCertificate;

/// The guard's namespace.
const NAMESPACE: &str = "guard-system";

/// The first day.
pub(crate) fn day_one() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

fn names() -> Vec<String> {
    issue::names(NAMESPACE)
}

/// Lifetimes short enough for several rotations, long enough for every wait between them.
fn short_times() -> RotationTimes {
    RotationTimes {
        authority: seconds(1500),
        certificate: seconds(600),
        settle: seconds(60),
        lag: seconds(90),
        beat: seconds(20),
    }
}

/// Verifies as an API server does: the signature, the name, and that the certificate and its authority are valid now.
fn is_trusted(bundle: &str, serving: &ServingCertificate, now: Timestamp) -> bool {
    let Some(key_pair) = serving.key_pair() else { return false };
    let Ok(bundle) = Bundle::read(bundle.as_bytes()) else { return false };
    let second = u64::try_from(now.as_second()).expect("after 1970");
    let then = UnixTime::since_unix_epoch(Duration::from_secs(second));
    let name = ServerName::try_from(names()[0].clone()).expect("a name");
    bundle.authorities.iter().filter(|authority| !authority.lifetime.is_over(now)).any(|authority| {
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate.clone()).expect("an authority");
        let provider = Arc::new(default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a root");
        verifier.verify_server_cert(&key_pair.certified.cert[0], &[], &name, &[], then).is_ok()
    })
}

/// An authority (PEM) and a certificate of its own with the key.
pub(crate) fn authority_and_pair(now: Timestamp) -> (String, TlsKeyPair) {
    let lifetime = Lifetime::starting(now, seconds(3600));
    let authority = issue::authority(lifetime).expect("an authority");
    let parsed = Authority::read(&authority.certificate).expect("its certificate");
    let fresh = issue::certificate(&names(), lifetime, &parsed.certificate, &authority.key).expect("a certificate");
    let key_pair = TlsKeyPair::read(("tls.crt", fresh.certificate.as_bytes()), ("tls.key", fresh.key.as_bytes()));
    (authority.certificate, key_pair.expect("they belong together"))
}

/// The certificate controller of one replica, and the certificate it serves.
fn replica(store: &MemoryStore, times: RotationTimes) -> (CertificateController<MemoryStore>, ServingCertificate) {
    let serving = ServingCertificate::default();
    (CertificateController::new(store.clone(), names(), times, serving.clone()), serving)
}

/// One cluster; clones share it.
#[derive(Clone, Default)]
struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    secret: Option<(u64, SecretContents)>,
    writes: u64,
    published: Vec<u8>,
    issued_by_others: bool,
    configurations_are_closed: bool,
}

impl MemoryStore {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked")
    }

    fn contents(&self) -> SecretContents {
        self.state().secret.clone().expect("a Secret").1
    }

    fn published(&self) -> String {
        String::from_utf8(self.state().published.clone()).expect("PEM")
    }

    /// Changes the Secret from outside, or deletes it.
    fn tamper(&self, change: impl FnOnce(SecretContents) -> Option<SecretContents>) {
        let mut state = self.state();
        state.writes += 1;
        let version = state.writes;
        state.secret = state.secret.take().and_then(|(_, contents)| change(contents)).map(|new| (version, new));
    }
}

impl SecretStore for MemoryStore {
    type Mark = (u64, bool);

    fn is_issued_by_others((_, others): &Self::Mark) -> bool {
        *others
    }

    async fn load(&self) -> Result<Option<(SecretContents, Self::Mark)>> {
        let found = {
            let state = self.state();
            state.secret.clone().map(|(version, contents)| (contents, (version, state.issued_by_others)))
        };
        tokio::task::yield_now().await; // other replicas may write between a read and an action
        Ok(found)
    }

    async fn save(&self, contents: &SecretContents, over: Option<&Self::Mark>) -> Result<()> {
        let mut state = self.state();
        let there = state.secret.as_ref().map(|(version, _)| *version);
        if there != over.map(|(version, _)| *version) {
            return Err(Error::Conflict("the Secret".to_owned()));
        }
        state.writes += 1;
        state.secret = Some((state.writes, contents.clone()));
        Ok(())
    }

    async fn publish(&self, bundle: &[u8]) -> Result<()> {
        let mut state = self.state();
        if state.configurations_are_closed {
            return Err(Error::Forbidden("patch of configurations".to_owned()));
        }
        state.published = bundle.to_vec();
        Ok(())
    }

    async fn changed(&self) {
        std::future::pending::<()>().await;
    }
}
