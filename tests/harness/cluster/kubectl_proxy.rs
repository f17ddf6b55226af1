//! Requests to the API server through one `kubectl proxy`. It authenticates as kubectl does, and a request through it costs a
//! millisecond where a kubectl process costs a tenth of a second of processor time: laws ask several times a second.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// `kubectl proxy`, running until dropped.
#[derive(Debug)]
pub(super) struct KubectlProxy {
    address: String,
    child: Child,
}

/// An answer of the API server.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The warnings of the API server and of the webhooks that it asked.
    pub warnings: Vec<String>,
    /// The body, as it came.
    pub body: String,
}

impl KubectlProxy {
    /// Starts it on a free port, with a kubectl that has its kubeconfig already.
    pub(super) fn start(kubectl: &mut Command) -> Result<Self> {
        let mut child = kubectl
            .args(["proxy", "--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run kubectl")?;
        let stdout = child.stdout.take().context("a pipe was asked for")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        // "Starting to serve on 127.0.0.1:PORT"
        let Some(address) = line.trim().rsplit(' ').next().filter(|address| address.contains(':')) else {
            drop(child.kill());
            bail!("kubectl proxy prints no address: {line:?}");
        };
        Ok(Self { address: address.to_owned(), child })
    }

    /// Sends a request and returns the answer, whatever its status.
    pub(super) async fn send(&self, method: Method, path: &str, body: String) -> Result<Reply> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async { drop(connection.await) }); // ends when the sender is dropped
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let warnings = answer.headers().get_all("warning").iter();
        let warnings = warnings.filter_map(|value| Some(value.to_str().ok()?.to_owned())).collect();
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(Reply { status, warnings, body: String::from_utf8_lossy(&body).into_owned() })
    }
}

impl Drop for KubectlProxy {
    fn drop(&mut self) {
        // Fails where it has ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
