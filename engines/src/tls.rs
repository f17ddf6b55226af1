//! TLS settings for members behind tunnels: the certificate chain is always verified, and so is the name, against all names
//! of the member.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::Tls;

/// Why there are no TLS settings for a member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The authority's certificate.
    #[error("the authority's certificate {0}")]
    Authority(String),
    /// There is no authority's certificate.
    #[error("no authority to trust: {0}")]
    NoAuthority(String),
    /// The member has neither a DNS name nor an address.
    #[error("the member has no name to verify")]
    NoName,
    /// The client's certificate.
    #[error("the client certificate cannot be read: {0}")]
    ClientCertificate(String),
    /// The client's key; the error says no more, since the key is secret.
    #[error("the client key cannot be read")]
    ClientKey,
    /// The settings contradict each other.
    #[error("{0}")]
    Settings(String),
}

impl Tls {
    /// Settings that trust `authority` alone and accept a certificate for any of `names`: through a tunnel the name
    /// dialled is never the server's, so the names the member goes by are checked instead. All in PEM.
    pub fn new(authority: &[u8], identity: Option<(&[u8], &[u8])>, names: &[String]) -> Result<Self, TlsError> {
        settings(authority, identity, names)
    }
}

fn settings(authority: &[u8], identity: Option<(&[u8], &[u8])>, names: &[String]) -> Result<Tls, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        let certificate = certificate.map_err(|error| TlsError::Authority(format!("cannot be read: {error}")))?;
        roots.add(certificate).map_err(|error| TlsError::Authority(format!("cannot be used: {error}")))?;
    }
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| TlsError::NoAuthority(error.to_string()))?;
    let names: Vec<ServerName<'static>> =
        names.iter().filter_map(|name| ServerName::try_from(name.clone()).ok()).collect();
    let first = names.first().map(|name| name.to_str().into_owned()).ok_or(TlsError::NoName)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Settings(error.to_string()))?
        .dangerous() // rustls' word for any verifier but its own; ours only asks its own about several names
        .with_custom_certificate_verifier(Arc::new(AnyName { chain, names }));
    let config = match identity {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
            let certificates = certificates.map_err(|error| TlsError::ClientCertificate(error.to_string()))?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsError::ClientKey)?;
            config.with_client_auth_cert(certificates, key).map_err(|error| TlsError::Settings(error.to_string()))?
        }
    };
    Ok(Tls { server_name: first, config: Arc::new(config), logs_in: false })
}

/// Verifies the chain, and that the certificate is for one of the member's names.
#[derive(Debug)]
struct AnyName {
    chain: Arc<WebPkiServerVerifier>,
    names: Vec<ServerName<'static>>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _dialled: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut verdict = Err(rustls::Error::General("the member has no name to verify".to_owned()));
        for name in &self.names {
            verdict = self.chain.verify_server_cert(certificate, intermediates, name, ocsp, now);
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
