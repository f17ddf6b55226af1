//! LOOK. A certificate that cert-manager or an operator issues into a Secret. It goes into service whenever it changes;
//! nothing is ever written.

use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::guard::certificate_secret::{CertificateSecret, SecretContents};
use tokio::time::{sleep, timeout};
use tracing::info;

use super::keypair::{CERTIFICATE, CertificateError, KEY, TlsKeyPair};
use super::log_once::LogOnce;
use super::serving::ServingCertificate;

/// How often the Secret is read, whether the watch has reported a change or not.
const BEAT: Duration = Duration::from_secs(10);

/// How long reading it may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Follows the Secret until it is dropped.
pub(crate) async fn follow(secret: &CertificateSecret, serving: &ServingCertificate) {
    let mut log_once = LogOnce::about("the Secret with the guard's certificate");
    loop {
        match timeout(TIMEOUT, secret.load()).await {
            Ok(Ok(Some((contents, _)))) => match take(&contents, serving, Timestamp::now()) {
                Ok(()) => log_once.resolve(),
                Err(error) => log_once.report(&error),
            },
            Ok(Ok(None)) => log_once.report(&"there is no such Secret"),
            Ok(Err(error)) => log_once.report(&error),
            Err(_) => log_once.report(&"the API server does not answer in time"),
        }
        tokio::select! {
            () = secret.changed() => {}
            () = sleep(BEAT) => {}
        }
    }
}

fn take(contents: &SecretContents, serving: &ServingCertificate, now: Timestamp) -> Result<(), CertificateError> {
    let entry = |name: &'static str| (name, contents.entries.get(name).map_or(&[] as &[u8], Vec::as_slice));
    let key_pair = TlsKeyPair::read(entry(CERTIFICATE), entry(KEY))?;
    // The issuer of the Secret makes the API server trust it.
    if serving.take(&key_pair, true, now)? {
        info!(until = %key_pair.lifetime.until, "a new certificate is in service");
    }
    Ok(())
}
