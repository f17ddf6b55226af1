//! LOOK. A certificate that somebody else issues into a Secret: cert-manager, or whoever made it by hand. It is taken
//! into service whenever it changes; nothing is ever written.

use std::time::Duration;

use jiff::Timestamp;
use stateful_cluster::{CertificateSecret, Contents};
use tokio::time::{sleep, timeout};
use tracing::info;

use super::keypair::{CERTIFICATE, Flaw, KEY, Pair};
use super::log_once::Complaint;
use super::serving::Serving;

/// How often it is looked at, whether the watch has told anything or not.
const BEAT: Duration = Duration::from_secs(10);

/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Follows it until it is dropped.
pub(crate) async fn follow(keyring: &CertificateSecret, serving: &Serving) {
    let mut complaint = Complaint::about("the Secret with our certificate");
    loop {
        match timeout(PATIENCE, keyring.load()).await {
            Ok(Ok(Some((contents, _)))) => match take(&contents, serving, Timestamp::now()) {
                Ok(()) => complaint.settle(),
                Err(flaw) => complaint.say(&flaw),
            },
            Ok(Ok(None)) => complaint.say(&"there is no such Secret"),
            Ok(Err(error)) => complaint.say(&error),
            Err(_) => complaint.say(&"the API server does not answer in time"),
        }
        tokio::select! {
            () = keyring.changed() => {}
            () = sleep(BEAT) => {}
        }
    }
}

fn take(contents: &Contents, serving: &Serving, now: Timestamp) -> Result<(), Flaw> {
    let entry = |name: &'static str| (name, contents.entries.get(name).map_or(&[] as &[u8], Vec::as_slice));
    let pair = Pair::read(entry(CERTIFICATE), entry(KEY))?;
    // Whoever issues it sees to it that it is trusted.
    if serving.take(&pair, true, now)? {
        info!(until = %pair.lifetime.until, "certificates: a new one is in service");
    }
    Ok(())
}
