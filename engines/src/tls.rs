//! TLS settings for members behind tunnels: the chain is always verified, and so is the name, against all a member has.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::Tls;

pub(crate) fn settings(authority: &[u8], identity: Option<(&[u8], &[u8])>, names: &[String]) -> Result<Tls, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        let certificate =
            certificate.map_err(|error| format!("the authority's certificate cannot be read: {error}"))?;
        roots.add(certificate).map_err(|error| format!("the authority's certificate cannot be used: {error}"))?;
    }
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| format!("no authority to trust: {error}"))?;
    let names: Vec<ServerName<'static>> =
        names.iter().filter_map(|name| ServerName::try_from(name.clone()).ok()).collect();
    let first = names.first().map(|name| name.to_str().into_owned()).ok_or("the member has no name to verify")?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous() // rustls' word for any verifier but its own; ours only asks its own about several names
        .with_custom_certificate_verifier(Arc::new(AnyName { chain, names }));
    let config = match identity {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
            let certificates =
                certificates.map_err(|error| format!("the client certificate cannot be read: {error}"))?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "the client key cannot be read".to_owned())?;
            config.with_client_auth_cert(certificates, key).map_err(|error| error.to_string())?
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
