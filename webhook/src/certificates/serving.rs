//! The certificate in service, which every new connection gets. Open connections continue.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::keypair::{CertificateError, TlsKeyPair};

/// The certificate in service; clones share it.
#[derive(Clone, Default)]
pub(crate) struct ServingCertificate {
    now: Arc<ArcSwapOption<Served>>,
}

struct Served {
    key_pair: TlsKeyPair,
    trusted: bool,
}

/// Why callers cannot trust the guard yet, or any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReady {
    /// There is no certificate.
    #[error("there is no certificate yet")]
    NoCertificate,
    /// Its authority is not in every webhook configuration yet.
    #[error("the webhook configurations do not hold the guard's authority yet")]
    NotTrusted,
    /// It expired, and there is no new one.
    #[error("the guard's certificate expired at {0}")]
    Expired(Timestamp),
}

impl ServingCertificate {
    /// A server configuration that looks the certificate up at each connection. The API server speaks HTTP/1.1 and resumes no
    /// session, so that none is stored and no tickets are sent.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// Puts a certificate into service; returns whether it is another than before. `trusted`: callers trust its authority.
    /// Once trusted, the certificate in service stays trusted.
    pub(crate) fn take(&self, key_pair: &TlsKeyPair, trusted: bool, now: Timestamp) -> Result<bool, CertificateError> {
        if key_pair.lifetime.is_over(now) {
            return Err(CertificateError::Expired(key_pair.lifetime.until));
        }
        let before = self.now.load();
        let same = before.as_ref().filter(|before| before.key_pair.certified.cert == key_pair.certified.cert);
        if same.is_none_or(|before| trusted && !before.trusted) {
            self.now.store(Some(Arc::new(Served { key_pair: key_pair.clone(), trusted })));
        }
        Ok(same.is_none())
    }

    /// The certificate in service.
    #[cfg(test)]
    pub(crate) fn key_pair(&self) -> Option<TlsKeyPair> {
        self.now.load().as_ref().map(|served| served.key_pair.clone())
    }

    /// When the certificate in service expires.
    pub(crate) fn not_after(&self) -> Option<Timestamp> {
        self.now.load().as_ref().map(|served| served.key_pair.lifetime.until)
    }

    /// Whether callers trust the certificate in service.
    pub(crate) fn ready(&self, now: Timestamp) -> Result<(), NotReady> {
        match self.now.load().as_ref() {
            None => Err(NotReady::NoCertificate),
            Some(served) if served.key_pair.lifetime.is_over(now) => {
                Err(NotReady::Expired(served.key_pair.lifetime.until))
            }
            Some(served) if !served.trusted => Err(NotReady::NotTrusted),
            Some(_) => Ok(()),
        }
    }
}

impl ResolvesServerCert for ServingCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.now.load().as_ref().map(|served| Arc::clone(&served.key_pair.certified))
    }
}

/// Required by the trait; it shows nothing, because there is a key in it.
impl fmt::Debug for ServingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServingCertificate")
    }
}
