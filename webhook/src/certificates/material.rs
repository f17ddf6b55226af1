//! THINK. The contents of the guard's own Secret: reading them, and applying an [`Action`] to them.

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

/// The annotation of the Secret that says since when every configuration holds the newest authority.
const TRUSTED_SINCE: &str = "trusted-since";

/// The usable contents of a Secret.
pub(crate) struct Material {
    /// The authorities that the API server is told to trust.
    pub(crate) bundle: Bundle,
    /// The certificate and its key.
    pub(crate) key_pair: TlsKeyPair,
    /// The facts that decide the next action.
    pub(crate) facts: Facts,
}

/// Why an action failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActionError {
    /// The contents it builds on cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate could not be issued.
    #[error("no certificate could be issued: {0}")]
    Issue(#[from] rcgen::Error),
}

impl Material {
    /// Reads a Secret. Whether anything in it has expired is not checked here.
    pub(crate) fn read(contents: &SecretContents, names: &[String]) -> Result<Self, CertificateError> {
        let bundle = Bundle::read(entry(contents, AUTHORITIES))?;
        let newest = bundle.authorities.iter().take(1).map(|one| one.certificate.clone()).collect();
        // With another authority's key the next certificate could not be signed.
        TlsKeyPair::of(newest, AUTHORITIES, (AUTHORITY_KEY, entry(contents, AUTHORITY_KEY)))?;
        let key_pair = TlsKeyPair::read((CERTIFICATE, entry(contents, CERTIFICATE)), (KEY, entry(contents, KEY)))?;
        let signed_by =
            bundle.authorities.iter().position(|one| names.iter().all(|name| signs_for(one, &key_pair, name)));
        let facts = Facts {
            authorities: bundle.authorities.iter().map(|one| one.lifetime).collect(),
            certificate: key_pair.lifetime,
            signed_by: signed_by.ok_or_else(|| CertificateError::NotSignedForName(names.join(" and ")))?,
            trusted_since: contents.notes.get(TRUSTED_SINCE).and_then(|since| since.parse().ok()),
        };
        Ok(Self { bundle, key_pair, facts })
    }
}

fn entry<'a>(contents: &'a SecretContents, name: &str) -> &'a [u8] {
    contents.entries.get(name).map_or(&[], Vec::as_slice)
}

/// Whether an authority has signed a certificate for a name, as an API server verifies it on the certificate's first day.
fn signs_for(authority: &Authority, key_pair: &TlsKeyPair, name: &str) -> bool {
    let mut roots = RootCertStore::empty();
    let Ok(()) = roots.add(authority.certificate.clone()) else { return false };
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider())).build();
    let (Ok(verifier), Ok(name)) = (verifier, ServerName::try_from(name)) else { return false };
    let Some((own, chain)) = key_pair.certified.cert.split_first() else { return false };
    let first_day = Duration::from_secs(u64::try_from(key_pair.lifetime.from.as_second()).unwrap_or(0));
    verifier.verify_server_cert(own, chain, &name, &[], UnixTime::since_unix_epoch(first_day)).is_ok()
}

/// Computes the contents of the Secret after an action. `known` are the authorities whose certificates may still be served,
/// whether they are in the Secret or were before it was emptied: they stay trusted.
pub(crate) fn apply(
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
            // The old authority signs once more, so that nothing expires while the new one is not yet trusted.
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
    // An API server verifies that the authority is still valid, too.
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
