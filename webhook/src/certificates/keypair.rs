//! THINK. A certificate and its key, read from PEM and checked to belong together.
//!
//! A [`CertificateError`] never contains a parser's message: that may quote a line of the input, and the line may be a key.

use jiff::Timestamp;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use x509_parser::parse_x509_certificate;

use super::lifetimes::{Lifetime, SKEW};

/// A certificate with its chain, and its key. Not `Debug`: it contains a key.
#[derive(Clone)]
pub(crate) struct TlsKeyPair {
    /// In the form that the TLS server uses.
    pub(crate) certified: Arc<CertifiedKey>,
    /// From when to when the certificate is valid.
    pub(crate) lifetime: Lifetime,
}

/// Why a certificate, key or bundle cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateError {
    /// An entry or a file is missing or empty.
    #[error("there is no {0}")]
    Missing(&'static str),
    /// It is no PEM, is cut off, or contains something else.
    #[error("{0} is not valid PEM of the expected kind; it may be half written")]
    Unreadable(&'static str),
    /// The key belongs to another certificate.
    #[error("{key} is not the key of {certificate}")]
    KeyMismatch {
        /// The name of the key's entry or file.
        key: &'static str,
        /// The name of the certificate's entry or file.
        certificate: &'static str,
    },
    /// It has expired.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// No authority of the bundle signed it, or it is for other names.
    #[error("no authority in ca.crt has signed tls.crt for {0}")]
    NotSignedForName(String),
}

/// The names of the entries and files. They are those of a Secret that cert-manager or `kubectl create secret tls` makes.
pub(crate) const CERTIFICATE: &str = "tls.crt";
/// The key of the certificate.
pub(crate) const KEY: &str = "tls.key";
/// The authorities, the newest first.
pub(crate) const AUTHORITIES: &str = "ca.crt";
/// The key of the newest authority.
pub(crate) const AUTHORITY_KEY: &str = "ca.key";

/// Reads every certificate of a PEM text; at least one.
pub(crate) fn certificates(text: &[u8], name: &'static str) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    if text.is_empty() {
        return Err(CertificateError::Missing(name));
    }
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or(CertificateError::Unreadable(name))
}

/// Reads from when to when a certificate is valid.
pub(crate) fn lifetime(certificate: &CertificateDer<'_>, name: &'static str) -> Result<Lifetime, CertificateError> {
    let (_, parsed) = parse_x509_certificate(certificate).map_err(|_| CertificateError::Unreadable(name))?;
    let second = |seconds: i64| Timestamp::from_second(seconds).map_err(|_| CertificateError::Unreadable(name));
    let from = second(parsed.validity().not_before.timestamp())?;
    let until = second(parsed.validity().not_after.timestamp())?;
    Ok(Lifetime { from: from.saturating_add(SKEW).unwrap_or(from), until })
}

impl TlsKeyPair {
    /// Reads a certificate and its key; the names are those of the entries or files they come from.
    pub(crate) fn read(
        certificate: (&'static str, &[u8]),
        key: (&'static str, &[u8]),
    ) -> Result<Self, CertificateError> {
        let chain = certificates(certificate.1, certificate.0)?;
        Self::of(chain, certificate.0, key)
    }

    /// The same with certificates that are parsed already.
    pub(crate) fn of(
        chain: Vec<CertificateDer<'static>>,
        name: &'static str,
        key: (&'static str, &[u8]),
    ) -> Result<Self, CertificateError> {
        let lifetime = lifetime(chain.first().ok_or(CertificateError::Missing(name))?, name)?;
        if key.1.is_empty() {
            return Err(CertificateError::Missing(key.0));
        }
        let private = PrivateKeyDer::from_pem_slice(key.1).map_err(|_| CertificateError::Unreadable(key.0))?;
        let certified = CertifiedKey::from_der(chain, private, &default_provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CertificateError::KeyMismatch { key: key.0, certificate: name },
            _ => CertificateError::Unreadable(key.0),
        })?;
        Ok(Self { certified: Arc::new(certified), lifetime })
    }
}
