//! LOOK. A certificate in a mounted directory, read once a second.
//!
//! The kubelet changes such a directory by making a new one beside it and renaming the link `..data` over the old link.
//! The files themselves are never written, so that whoever waits for news of them waits for ever: reading them is cheaper
//! than being wrong about that.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::fs;
use tokio::time::sleep;
use tracing::info;

use super::keypair::{CERTIFICATE, CertificateError, KEY, TlsKeyPair};
use super::log_once::LogOnce;
use super::serving::ServingCertificate;

/// How often it is read. The kubelet itself takes up to a minute.
const BEAT: Duration = Duration::from_secs(1);

/// A directory, and what was in it last.
pub(crate) struct Directory {
    path: PathBuf,
    /// The certificate and the key that were taken into service, as they were read.
    taken: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why what is there is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// They are no certificate and its key.
    #[error(transparent)]
    CertificateError(#[from] CertificateError),
}

impl Directory {
    /// Nothing is read yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, taken: None }
    }

    /// Follows it until it is dropped.
    pub(crate) async fn follow(mut self, serving: &ServingCertificate) {
        let mut log_once = LogOnce::about("the directory with our certificate");
        loop {
            match self.snapshot(serving, Timestamp::now()).await {
                Ok(()) => log_once.resolve(),
                Err(error) => log_once.report(&error),
            }
            sleep(BEAT).await;
        }
    }

    /// Reads it once. Both files are read through one and the same link, so that they are of one issue; should they not
    /// be after all, the key does not fit and nothing changes.
    pub(crate) async fn snapshot(
        &mut self,
        serving: &ServingCertificate,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let inner = fs::canonicalize(self.path.join("..data")).await.unwrap_or_else(|_| self.path.clone());
        let found = (read(&inner, CERTIFICATE).await?, read(&inner, KEY).await?);
        if self.taken.as_ref() == Some(&found) {
            return Ok(());
        }
        let key_pair = TlsKeyPair::read((CERTIFICATE, &found.0), (KEY, &found.1))?;
        // Whoever issues it sees to it that it is trusted.
        if serving.take(&key_pair, true, now)? {
            info!(until = %key_pair.lifetime.until, "certificates: a new one is in service");
        }
        self.taken = Some(found);
        Ok(())
    }
}

async fn read(directory: &Path, name: &str) -> Result<Vec<u8>, DirectoryError> {
    let path = directory.join(name);
    fs::read(&path).await.map_err(|error| DirectoryError::File { path, error })
}
