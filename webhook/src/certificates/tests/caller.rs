//! A caller that trusts only what is published, and opens a new connection for every request.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Nothing in these tests takes so long unless it hangs.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);

/// The address to call, the authorities to trust (PEM), and the time.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) address: SocketAddr,
    pub(crate) trusts: String,
    pub(crate) now: Timestamp,
}

/// An HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: u16,
    /// Everything before the body, in lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

#[derive(Debug)]
struct Stopped(Timestamp);

impl TimeProvider for Stopped {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

/// An open connection.
pub(crate) type Line = StreamOwned<ClientConnection, TcpStream>;

impl Caller {
    /// Opens a connection; the handshake is done when it returns.
    pub(crate) fn connect(&self) -> io::Result<Line> {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(self.trusts.as_bytes()) {
            roots.add(authority.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        let clock = Arc::new(Stopped(self.now));
        let config = ClientConfig::builder_with_details(Arc::new(default_provider()), clock)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(super::names()[0].clone()).map_err(io::Error::other)?;
        let tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        let tcp = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(TIMEOUT))?;
        let mut line = StreamOwned::new(tls, tcp);
        while line.conn.is_handshaking() {
            line.conn.complete_io(&mut line.sock)?;
        }
        Ok(line)
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn ask(&self, path: &str, body: &[u8]) -> io::Result<Told> {
        ask(&mut self.connect()?, path, body)
    }
}

/// Sends a request on an open connection and reads the response.
pub(crate) fn ask(line: &mut Line, path: &str, body: &[u8]) -> io::Result<Told> {
    begin(line, path, body)?;
    told(line)
}

/// Sends a request.
pub(crate) fn begin(line: &mut Line, path: &str, body: &[u8]) -> io::Result<()> {
    let head = format!("POST {path} HTTP/1.1\r\nHost: guard\r\nContent-Length: {}\r\n\r\n", body.len());
    line.write_all(head.as_bytes())?;
    line.write_all(body)?;
    line.flush()
}

/// Reads the response.
pub(crate) fn told(line: &mut impl Read) -> io::Result<Told> {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(b"\r\n\r\n") {
        line.read_exact(&mut byte)?;
        heard.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&heard).to_lowercase();
    let bad = || io::Error::other(format!("no answer: {head}"));
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(bad)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
    let mut body = vec![0; length.trim().parse().map_err(|_| bad())?];
    line.read_exact(&mut body)?;
    Ok(Told { code, body: String::from_utf8_lossy(&body).into_owned(), head })
}
