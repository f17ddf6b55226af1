//! A line that stays open, as the API server keeps one: HTTPS, HTTP/1.1, one question after the other. Written by hand
//! and blocking, so that the client takes as little as possible of the two cores it shares with whom it measures.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Nobody here takes longer; the API server would not wait longer either.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server, and how its certificate is verified.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Arc<ClientConfig>,
}

/// An open connection.
pub(crate) struct Line {
    stream: StreamOwned<ClientConnection, TcpStream>,
    heard: Vec<u8>,
}

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Whether a webhook let it pass.
    pub(crate) fn is_yes(&self) -> bool {
        self.status == 200 && contains(&self.body, b"\"allowed\":true")
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// A question as it goes over the wire.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

impl Line {
    /// Dials.
    pub(crate) fn open(endpoint: &Endpoint) -> Result<Self> {
        let tcp = TcpStream::connect_timeout(&endpoint.address, PATIENCE)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::IpAddress(endpoint.address.ip().into());
        let tls = ClientConnection::new(Arc::clone(&endpoint.tls), name)?;
        Ok(Self { stream: StreamOwned::new(tls, tcp), heard: Vec::new() })
    }

    /// Asks, and waits for the whole reply.
    pub(crate) fn ask(&mut self, question: &[u8]) -> Result<Reply> {
        self.stream.write_all(question)?;
        self.stream.flush()?;
        self.heard.clear();
        let head = loop {
            if let Some(end) = position(&self.heard, b"\r\n\r\n") {
                break end + 4;
            }
            self.hear()?;
        };
        let words = String::from_utf8_lossy(&self.heard[..head]).to_ascii_lowercase();
        let status = words.split(' ').nth(1).and_then(|code| code.parse().ok()).context("no status")?;
        let length = words.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
        let body = match length {
            Some(length) => {
                let end = head + length.trim().parse::<usize>()?;
                while self.heard.len() < end {
                    self.hear()?;
                }
                self.heard[head..end].to_vec()
            }
            None if words.contains("transfer-encoding: chunked") => self.pieces(head)?,
            None => bail!("a reply of unknown length: {words}"),
        };
        Ok(Reply { status, body })
    }

    /// A body that comes in pieces, each with its length in front.
    fn pieces(&mut self, mut at: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let Some(line) = position(&self.heard[at..], b"\r\n") else {
                self.hear()?;
                continue;
            };
            let length = usize::from_str_radix(String::from_utf8_lossy(&self.heard[at..at + line]).trim(), 16)?;
            let end = at + line + 2 + length;
            while self.heard.len() < end + 2 {
                self.hear()?;
            }
            body.extend_from_slice(&self.heard[end - length..end]);
            at = end + 2;
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn hear(&mut self) -> Result<()> {
        let mut some = [0; 4096];
        let count = self.stream.read(&mut some)?;
        anyhow::ensure!(count > 0, "the line was closed");
        self.heard.extend_from_slice(&some[..count]);
        Ok(())
    }
}

fn position(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    position(text, wanted).is_some()
}
