//! LOOK. A certificate in a mounted directory, read once a second.
//!
//! The kubelet changes such a directory by creating a new one beside it and renaming the link `..data` over the old link.
//! The files themselves are never written, so that a file watch on them would never fire; reading them is cheap.

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

/// A directory, and what was last read from it.
pub(crate) struct Directory {
    path: PathBuf,
    /// The certificate and the key that were put into service, as they were read.
    taken: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why the files are not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {error}")]
    File {
        /// Its path.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The files are no certificate and its key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl Directory {
    /// Starts without having read it.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, taken: None }
    }

    /// Reads it once a second until it is dropped.
    pub(crate) async fn follow(mut self, serving: &ServingCertificate) {
        let mut log_once = LogOnce::about("the directory with the guard's certificate");
        loop {
            match self.read_once(serving, Timestamp::now()).await {
                Ok(()) => log_once.resolve(),
                Err(error) => log_once.report(&error),
            }
            sleep(BEAT).await;
        }
    }

    /// Reads it once. Both files are read through one and the same link, so that they belong together; if they do not, the key
    /// does not match and nothing changes.
    pub(crate) async fn read_once(
        &mut self,
        serving: &ServingCertificate,
        now: Timestamp,
    ) -> Result<(), DirectoryError> {
        let inner = fs::canonicalize(self.path.join("..data")).await.unwrap_or_else(|_| self.path.clone());
        let found = (read_file(&inner, CERTIFICATE).await?, read_file(&inner, KEY).await?);
        if self.taken.as_ref() == Some(&found) {
            return Ok(());
        }
        let key_pair = TlsKeyPair::read((CERTIFICATE, &found.0), (KEY, &found.1))?;
        // The issuer of the files makes the API server trust them.
        if serving.take(&key_pair, true, now)? {
            info!(until = %key_pair.lifetime.until, "a new certificate is in service");
        }
        self.taken = Some(found);
        Ok(())
    }
}

async fn read_file(directory: &Path, name: &str) -> Result<Vec<u8>, DirectoryError> {
    let path = directory.join(name);
    fs::read(&path).await.map_err(|error| DirectoryError::File { path, error })
}
