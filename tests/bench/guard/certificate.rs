//! One certificate for all who are measured, made anew for each run.

use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use rcgen::{BasicConstraints, DnType};
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// A directory with `tls.crt` and `tls.key`, and who trusts it.
pub(crate) struct Certificate {
    pub(crate) directory: PathBuf,
    /// What the API server is told to trust, in PEM.
    pub(crate) authority: String,
    /// What the bench's own client trusts.
    pub(crate) client: Arc<ClientConfig>,
}

impl Certificate {
    /// Makes one for an address.
    pub(crate) fn make(directory: PathBuf, address: IpAddr) -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "stateful bench authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "stateful bench");
        params.subject_alt_names = vec![SanType::IpAddress(address), SanType::DnsName("localhost".try_into()?)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &authority)?;
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("tls.crt"), certificate.pem())?;
        fs::write(directory.join("tls.key"), key.serialize_pem())?;
        let client = Arc::new(trusting(&authority.pem())?.with_no_client_auth());
        Ok(Self { directory, authority: authority.pem(), client })
    }
}

type Builder = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn trusting(authority: &str) -> Result<Builder> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(certificate?)?;
    }
    Ok(ClientConfig::builder().with_root_certificates(roots))
}

/// A client that shows a certificate of its own (all in PEM).
pub(crate) fn showing(authority: &str, certificate: &str, key: &str) -> Result<Arc<ClientConfig>> {
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())?;
    Ok(Arc::new(trusting(authority)?.with_client_auth_cert(chain, key)?))
}
