//! TLS for the driver. The driver verifies only the name that it dials, and through a tunnel that is never the server's name.
//! So it connects without TLS to a socket of this process, which forwards everything to the server over TLS with our settings,
//! which always verify the certificate.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::ServerName;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::{DialConfig, ServerError, Tls};

/// A relay to one member, which ends with this value.
pub(super) struct Relay {
    path: PathBuf,
    listening: JoinHandle<()>,
    last_error: LastError,
}

/// Why the last connection could not be made; the driver itself only learns that it broke.
type LastError = Arc<Mutex<Option<String>>>;

impl Drop for Relay {
    fn drop(&mut self) {
        self.listening.abort();
        // On Linux there is no file to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Relay {
    /// Listens, and dials the member for each connection that comes.
    pub(super) fn to(target: &DialConfig, tls: &Tls) -> Result<Self, ServerError> {
        let path = address();
        let listener = UnixListener::bind(&path)
            .map_err(|error| ServerError::Connection(format!("TLS cannot be relayed: {error}")))?;
        let (host, port, tls, last_error) = (target.host.clone(), target.port, tls.clone(), LastError::default());
        let shared = Arc::clone(&last_error);
        let listening = tokio::spawn(async move {
            while let Ok((plain, _)) = listener.accept().await {
                // The server treats every connection that comes through this socket as ours, so no other process may use it.
                if is_ours(&plain) {
                    tokio::spawn(relay(plain, host.clone(), port, tls.clone(), Arc::clone(&shared)));
                }
            }
        });
        Ok(Self { path, listening, last_error })
    }

    /// Why the last connection could not be made, if it could not.
    pub(super) fn last_error(&self) -> Option<String> {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the driver dials.
    pub(super) fn path(&self) -> PathBuf {
        self.path.clone()
    }
}

/// Whether the other end of the connection is this process.
fn is_ours(plain: &UnixStream) -> bool {
    let own = i32::try_from(std::process::id()).ok();
    plain.peer_cred().is_ok_and(|peer| peer.pid().is_some() && peer.pid() == own)
}

/// Copies between the driver and the server until either closes the connection or an error ends it.
async fn relay(mut plain: UnixStream, host: String, port: u16, tls: Tls, last_error: LastError) {
    let dialled = async {
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        // Commands are small and answered one by one: waiting to fill a packet would only add to every pause measured.
        stream.set_nodelay(true)?;
        let name = ServerName::try_from(tls.server_name.clone()).map_err(std::io::Error::other)?;
        TlsConnector::from(Arc::clone(&tls.config)).connect(name, stream).await
    };
    let dialled = dialled.await;
    *last_error.lock().unwrap_or_else(PoisonError::into_inner) = dialled.as_ref().err().map(ToString::to_string);
    if let Ok(mut encrypted) = dialled {
        let _ = copy_bidirectional(&mut plain, &mut encrypted).await;
    }
}

/// A socket name that no other process has: on Linux a name without a file, since the guard has no folder to write to; elsewhere
/// a file in this user's temporary folder.
fn address() -> PathBuf {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let name = format!("kubectl-stateful-{}-{}.sock", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
    if cfg!(target_os = "linux") { PathBuf::from(format!("\0{name}")) } else { std::env::temp_dir().join(name) }
}
