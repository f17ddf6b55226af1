//! THINK. What is in the guard's own Secret: reading it, and carrying out a [`Action`] on it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{ServerName, UnixTime};
use stateful_cluster::guard::certificate_secret::SecretContents;

use super::bundle::{Authority, Bundle};
use super::issue::{self, PemPair};
use super::keypair::{AUTHORITIES, AUTHORITY_KEY, CERTIFICATE, CertificateError, KEY, TlsKeyPair};
use super::lifetimes::{Lifetime, RotationTimes};
use super::rotation::{Action, Facts};

/// The note in the Secret that says since when every configuration holds the newest authority.
const TRUSTED_SINCE: &str = "trusted-since";

/// What can be used of a Secret.
pub(crate) struct Material {
    /// What the API server is told to trust.
    pub(crate) bundle: Bundle,
    /// The certificate and its key.
    pub(crate) key_pair: TlsKeyPair,
    /// What counts for what is to be done next.
    pub(crate) facts: Facts,
}

/// Why a action was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActionError {
    /// What it builds on is not usable.
    #[error(transparent)]
    CertificateError(#[from] CertificateError),
    /// The certificate could not be made.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
}

impl Material {
    /// Reads a Secret. Whether anything in it has run out is not asked here.
    pub(crate) fn read(contents: &SecretContents, names: &[String]) -> Result<Self, CertificateError> {
        let bundle = Bundle::read(entry(contents, AUTHORITIES))?;
        let newest = bundle.authorities.iter().take(1).map(|one| one.certificate.clone()).collect();
        // With the key of another authority nothing could be signed when the time comes.
        TlsKeyPair::of(newest, AUTHORITIES, (AUTHORITY_KEY, entry(contents, AUTHORITY_KEY)))?;
        let key_pair = TlsKeyPair::read((CERTIFICATE, entry(contents, CERTIFICATE)), (KEY, entry(contents, KEY)))?;
        let signed_by =
            bundle.authorities.iter().position(|one| names.iter().all(|name| vouches(one, &key_pair, name)));
        let facts = Facts {
            authorities: bundle.authorities.iter().map(|one| one.lifetime).collect(),
            certificate: key_pair.lifetime,
            signed_by: signed_by.ok_or_else(|| CertificateError::NotVouchedFor(names.join(" and ")))?,
            trusted_since: contents.notes.get(TRUSTED_SINCE).and_then(|since| since.parse().ok()),
        };
        Ok(Self { bundle, key_pair, facts })
    }
}

fn entry<'a>(contents: &'a SecretContents, name: &str) -> &'a [u8] {
    contents.entries.get(name).map_or(&[], Vec::as_slice)
}

/// Whether an authority vouches for a certificate under a name, as an API server would find it did on its first day.
fn vouches(authority: &Authority, key_pair: &TlsKeyPair, name: &str) -> bool {
    let mut roots = RootCertStore::empty();
    let Ok(()) = roots.add(authority.certificate.clone()) else { return false };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider())).build();
    let (Ok(verifier), Ok(name)) = (verifier, ServerName::try_from(name)) else { return false };
    let Some((own, chain)) = key_pair.certified.cert.split_first() else { return false };
    let first_day = Duration::from_secs(u64::try_from(key_pair.lifetime.from.as_second()).unwrap_or(0));
    verifier.verify_server_cert(own, chain, &name, &[], UnixTime::since_unix_epoch(first_day)).is_ok()
}

/// What the Secret is to hold after a action. `known` are the authorities somebody may still be served by, whether they
/// are in the Secret or were before somebody emptied it: they go on being trusted.
pub(crate) fn carry_out(
    action: Action,
    contents: &SecretContents,
    known: &Bundle,
    names: &[String],
    now: Timestamp,
    times: &RotationTimes,
) -> Result<SecretContents, ActionError> {
    let mut after = contents.clone();
    match action {
        Action::Nothing => {}
        Action::NoteTrust => drop(after.notes.insert(TRUSTED_SINCE.to_owned(), now.to_string())),
        Action::AddAuthority => {
            // The old authority signs once more: should the new one be long in being trusted, nothing runs out meanwhile.
            issue(&mut after, names, now, times)?;
            add_authority(&mut after, known, now, times)?;
        }
        Action::MakeBoth => {
            add_authority(&mut after, known, now, times)?;
            issue(&mut after, names, now, times)?;
        }
        Action::Issue => issue(&mut after, names, now, times)?,
        Action::DropOlder => {
            let mut bundle = Bundle::read(entry(&after, AUTHORITIES))?;
            bundle.authorities.truncate(1);
            put(&mut after, AUTHORITIES, bundle.text());
        }
    }
    Ok(after)
}

fn add_authority(
    contents: &mut SecretContents,
    known: &Bundle,
    now: Timestamp,
    times: &RotationTimes,
) -> Result<(), ActionError> {
    let PemPair { certificate, key } = issue::authority(Lifetime::starting(now, times.authority))?;
    put(contents, AUTHORITIES, known.behind(Authority::read(&certificate)?, now).text());
    put(contents, AUTHORITY_KEY, key);
    contents.notes.remove(TRUSTED_SINCE);
    Ok(())
}

fn issue(
    contents: &mut SecretContents,
    names: &[String],
    now: Timestamp,
    times: &RotationTimes,
) -> Result<(), ActionError> {
    let bundle = Bundle::read(entry(contents, AUTHORITIES))?;
    let authority = bundle.authorities.first().ok_or(CertificateError::Missing(AUTHORITIES))?;
    let mut lifetime = Lifetime::starting(now, times.certificate);
    // An API server asks whether the authority is still good, too.
    lifetime.until = lifetime.until.min(authority.lifetime.until);
    let key =
        str::from_utf8(entry(contents, AUTHORITY_KEY)).map_err(|_| CertificateError::Unreadable(AUTHORITY_KEY))?;
    let PemPair { certificate, key } = issue::certificate(names, lifetime, &authority.certificate, key)?;
    put(contents, CERTIFICATE, certificate);
    put(contents, KEY, key);
    Ok(())
}

fn put(contents: &mut SecretContents, name: &str, text: String) {
    contents.entries.insert(name.to_owned(), text.into_bytes());
}
