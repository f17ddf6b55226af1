//! What is in service: the certificate every new connection is answered with. Connections that are open go on.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::keypair::{CertificateError, TlsKeyPair};

/// The certificate in service; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct ServingCertificate {
    now: Arc<ArcSwapOption<Served>>,
}

struct Served {
    key_pair: TlsKeyPair,
    trusted: bool,
}

/// Why nobody can call us yet, or any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotReady {
    /// There is no certificate.
    #[error("there is no certificate yet")]
    NoCertificate,
    /// There is one, of an authority that is not in every configuration.
    #[error("the webhook configurations do not hold our authority yet")]
    NotTrusted,
    /// It ran out, and nothing new could be had.
    #[error("our certificate ran out at {0}")]
    Over(Timestamp),
}

impl ServingCertificate {
    /// A server's configuration that asks here at each connection. The API server speaks HTTP/1.1 and resumes no
    /// session, so none is kept and no tickets are sent.
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

    /// Takes a certificate into service; says whether it is another than before. `trusted`: callers know its authority.
    /// Once trusted, what is in service stays trusted.
    pub(crate) fn take(&self, key_pair: &TlsKeyPair, trusted: bool, now: Timestamp) -> Result<bool, CertificateError> {
        if key_pair.lifetime.is_over(now) {
            return Err(CertificateError::Over(key_pair.lifetime.until));
        }
        let before = self.now.load();
        let same = before.as_ref().filter(|before| before.key_pair.certified.cert == key_pair.certified.cert);
        if same.is_none_or(|before| trusted && !before.trusted) {
            self.now.store(Some(Arc::new(Served { key_pair: key_pair.clone(), trusted })));
        }
        Ok(same.is_none())
    }

    /// What is in service.
    #[cfg(test)]
    pub(crate) fn key_pair(&self) -> Option<TlsKeyPair> {
        self.now.load().as_ref().map(|served| served.key_pair.clone())
    }

    /// When what is in service runs out.
    pub(crate) fn not_after(&self) -> Option<Timestamp> {
        self.now.load().as_ref().map(|served| served.key_pair.lifetime.until)
    }

    /// Whether somebody who calls now is answered with a certificate he trusts.
    pub(crate) fn ready(&self, now: Timestamp) -> Result<(), NotReady> {
        match self.now.load().as_ref() {
            None => Err(NotReady::NoCertificate),
            Some(served) if served.key_pair.lifetime.is_over(now) => {
                Err(NotReady::Over(served.key_pair.lifetime.until))
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

/// The trait wants it; there is a key in here.
impl fmt::Debug for ServingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServingCertificate")
    }
}
