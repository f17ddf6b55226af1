//! THINK. Makes authorities and certificates: ECDSA on P-256, no stronger than what every API server speaks.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls::pki_types::CertificateDer;

use super::lifetimes::{Lifetime, SKEW};

/// The Service that the API server calls. The certificate is valid for no other name.
pub(crate) const SERVICE: &str = "stateful-guard";

/// A new certificate and its key, in PEM.
pub(crate) struct PemPair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The names under which the service of a namespace is called.
pub(crate) fn names(namespace: &str) -> Vec<String> {
    vec![format!("{SERVICE}.{namespace}.svc"), format!("{SERVICE}.{namespace}.svc.cluster.local")]
}

/// Issues an authority that can sign servers' certificates and nothing else. Each has a name of its own, so that a verifier
/// never tries the wrong one.
pub(crate) fn authority(lifetime: Lifetime) -> Result<PemPair, rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = params(&format!("{SERVICE} authority of {}", lifetime.from), lifetime);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key)?;
    Ok(PemPair { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Issues a server's certificate for these names, signed by an authority whose key (PEM) is given.
pub(crate) fn certificate(
    names: &[String],
    lifetime: Lifetime,
    authority: &CertificateDer<'_>,
    authority_key: &str,
) -> Result<PemPair, rcgen::Error> {
    let issuer = Issuer::from_ca_cert_der(authority, KeyPair::from_pem(authority_key)?)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = params(SERVICE, lifetime);
    params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(PemPair { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn params(name: &str, lifetime: Lifetime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let from = lifetime.from.saturating_sub(SKEW).unwrap_or(lifetime.from);
    let after_1970 = |time: Timestamp| Duration::from_secs(u64::try_from(time.as_second()).unwrap_or(0));
    params.not_before = date_time_ymd(1970, 1, 1) + after_1970(from);
    params.not_after = date_time_ymd(1970, 1, 1) + after_1970(lifetime.until);
    params
}
