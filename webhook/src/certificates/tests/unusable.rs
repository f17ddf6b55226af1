//! What cannot be used never goes into service, and the error says why without showing a key.

use super::*;
use crate::certificates::keypair::CertificateError;
use crate::certificates::serving::NotReady;

fn texts(now: Timestamp) -> (String, String) {
    let lifetime = Lifetime::starting(now, seconds(3600));
    let authority = issue::authority(lifetime).expect("an authority");
    (authority.certificate, authority.key)
}

fn read(certificate: &str, key: &str) -> Result<(), CertificateError> {
    TlsKeyPair::read(("tls.crt", certificate.as_bytes()), ("tls.key", key.as_bytes())).map(drop)
}

trait Halved {
    fn halved(&self) -> &str;
}

impl Halved for String {
    fn halved(&self) -> &str {
        &self[..self.len() / 2]
    }
}

type Result<T, E> = std::result::Result<T, E>;

#[test]
fn what_is_half_written_or_does_not_belong_together_is_no_pair() {
    let ((certificate, key), (_, other_key)) = (texts(day_one()), texts(day_one()));
    assert_eq!(read(&certificate, &key), Ok(()));
    assert_eq!(read("", &key), Err(CertificateError::Missing("tls.crt")));
    assert_eq!(read(&certificate, ""), Err(CertificateError::Missing("tls.key")));
    assert_eq!(read(certificate.halved(), &key), Err(CertificateError::Unreadable("tls.crt")));
    assert_eq!(read(&certificate, key.halved()), Err(CertificateError::Unreadable("tls.key")));
    assert_eq!(read(&key, &key), Err(CertificateError::Unreadable("tls.crt")));
    assert_eq!(
        read(&certificate, &other_key),
        Err(CertificateError::KeyMismatch { key: "tls.key", certificate: "tls.crt" })
    );
}

#[test]
fn a_reason_never_shows_a_key() {
    let (certificate, key) = texts(day_one());
    let one_line = key.replace('\n', "");
    for spoilt in [one_line, key.replace("-----END", "-----"), key.replacen('M', "!", 1)] {
        let reason = read(&certificate, &spoilt).expect_err("no key").to_string();
        let secret = key.lines().nth(1).expect("the key's own text");
        assert!(!reason.contains(&secret[..16]) && reason.contains("tls.key"), "{reason}");
    }
}

#[test]
fn what_has_run_out_is_not_taken_and_what_is_in_service_stays() {
    let serving = ServingCertificate::default();
    let (_, old) = authority_and_pair(day_one() - seconds(3600));
    assert_eq!(serving.take(&old, true, day_one()), Err(CertificateError::Expired(day_one())));
    assert_eq!(serving.ready(day_one()), Err(NotReady::NoCertificate));
    let (_, new) = authority_and_pair(day_one());
    assert_eq!(serving.take(&new, true, day_one()), Ok(true));
    assert_eq!(serving.take(&new, true, day_one()), Ok(false), "the same again is nothing new");
    assert!(serving.take(&old, true, day_one()).is_err());
    assert_eq!(serving.ready(day_one()), Ok(()));
    assert_eq!(serving.ready(day_one() + seconds(3600)), Err(NotReady::Expired(day_one() + seconds(3600))));
}
