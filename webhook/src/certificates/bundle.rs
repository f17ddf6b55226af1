//! THINK. The authorities the API server is told to trust, the newest first.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::keypair::{AUTHORITIES, CertificateError, lifetime};
use super::lifetimes::Lifetime;

/// An authority: its certificate, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// In PEM, as it is published.
    pub(crate) text: String,
    /// The same in DER, for verification.
    pub(crate) certificate: CertificateDer<'static>,
    /// From when to when it is valid.
    pub(crate) lifetime: Lifetime,
}

/// Authorities, the newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bundle {
    /// The newest first.
    pub(crate) authorities: Vec<Authority>,
}

/// How a certificate ends in PEM.
const END: &str = "-----END CERTIFICATE-----";

impl Bundle {
    /// Reads one; it holds at least one authority.
    pub(crate) fn read(text: &[u8]) -> Result<Self, CertificateError> {
        let text = str::from_utf8(text).map_err(|_| CertificateError::Unreadable(AUTHORITIES))?.trim();
        if text.is_empty() {
            return Err(CertificateError::Missing(AUTHORITIES));
        }
        let blocks = text.split_inclusive(END).map(Authority::read);
        Ok(Self { authorities: blocks.collect::<Result<_, _>>()? })
    }

    /// The PEM text that is published.
    pub(crate) fn text(&self) -> String {
        self.authorities.iter().flat_map(|authority| [authority.text.as_str(), "\n"]).collect()
    }

    /// Appends the authorities of another bundle that this one lacks.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        let besides: Vec<_> = other.authorities.iter().filter(|one| !self.authorities.contains(one)).cloned().collect();
        self.authorities.extend(besides);
        self
    }

    /// Puts a newer authority first, and drops those that have expired.
    pub(crate) fn behind(&self, newest: Authority, now: Timestamp) -> Self {
        let older = self.authorities.iter().filter(|one| !one.lifetime.is_over(now)).cloned();
        Self { authorities: std::iter::once(newest).chain(older).collect() }
    }
}

impl Authority {
    /// Reads one.
    pub(crate) fn read(text: &str) -> Result<Self, CertificateError> {
        let text = text.trim();
        let certificate =
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| CertificateError::Unreadable(AUTHORITIES))?;
        Ok(Self { lifetime: lifetime(&certificate, AUTHORITIES)?, text: text.to_owned(), certificate })
    }
}
