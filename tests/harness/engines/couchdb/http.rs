//! An HTTP client that keeps its connection and sends one request after another, each with a deadline.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long one attempt to connect may take, as for the other databases.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A connection, with the credentials of one user.
pub(super) struct Http {
    sender: SendRequest<Full<Bytes>>,
    authorization: String,
}

impl Http {
    /// Connects.
    pub(super) async fn connect(address: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let stream = timeout(CONNECT_WITHIN, TcpStream::connect(address)).await.context("no connection")??;
        stream.set_nodelay(true)?;
        let (sender, talk) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async { drop(talk.await) }); // ends when the sender is dropped
        Ok(Self { sender, authorization: format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))) })
    }

    /// The status, and the body where it is JSON. After an error the request may have been carried out or not.
    pub(super) async fn ask(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<(u16, Value)> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "couchdb")
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, &self.authorization)
            .body(Full::new(Bytes::from(body.map(Value::to_string).unwrap_or_default())))?;
        timeout(ANSWER_WITHIN, async {
            self.sender.ready().await?;
            let answer = self.sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let text = answer.into_body().collect().await?.to_bytes();
            anyhow::Ok((status, serde_json::from_slice(&text).unwrap_or_default()))
        })
        .await
        .context("no answer")?
    }
}
