//! The way to a node: questions over HTTP, one after another over a connection that is kept.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Told;
use crate::{Credentials, DialConfig, Endpoint, ServerError};

/// How long a node may take to answer. A healthy one answers in milliseconds; two seconds leave room for a tunnel through a
/// busy API server, and still end before an assessment grows stale (3 s).
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What a question went wrong with: what it tells of whether it was heard.
#[derive(Debug)]
pub(super) enum Trouble {
    /// No server has heard it.
    NeverSent(String),
    /// It may have been heard.
    Unknown(ServerError),
}

impl From<Trouble> for ServerError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NeverSent(why) => Self::Connection(why),
            Trouble::Unknown(why) => why,
        }
    }
}

/// The connections kept, by incarnation.
#[derive(Default)]
pub(super) struct Connections {
    kept: Mutex<HashMap<String, Link>>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    /// A connection to a member: the one kept, or a new one. Whoever has it gives it back when all went well.
    pub(super) async fn to(&self, endpoint: &Endpoint) -> Result<Link, ServerError> {
        let kept = self.kept.lock().await.remove(&endpoint.incarnation);
        if let Some(mut link) = kept
            && link.sender.ready().await.is_ok()
        {
            return Ok(link);
        }
        Link::to(endpoint).await
    }

    /// Keeps a connection for the next question.
    pub(super) async fn keep(&self, endpoint: &Endpoint, link: Link) {
        self.kept.lock().await.insert(endpoint.incarnation.clone(), link);
    }
}

/// A connection to one node.
pub(super) struct Link {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authority: Option<HeaderValue>,
    /// The shard maps it last told, and after which change of them.
    pub(super) shard_maps: Option<(Value, Value)>,
}

impl Link {
    /// Dials a member.
    pub(super) async fn to(endpoint: &Endpoint) -> Result<Self, ServerError> {
        let way = endpoint.dial()?;
        let dialled = timeout(PATIENCE, dial(way)).await;
        let sender = dialled.unwrap_or(Err(ServerError::NoConnection(PATIENCE)))?;
        let authority = authority(&way.credentials)?;
        Ok(Self { sender, host: endpoint.member.clone(), authority, shard_maps: None })
    }

    /// Asks, or orders.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &'static str)],
        body: Option<&Value>,
    ) -> Result<Told, Trouble> {
        let unsent = |error: &dyn std::error::Error| Trouble::NeverSent(error.to_string());
        let mut question = Request::builder().method(method).uri(path).header(HOST, &self.host);
        question = question.header(CONTENT_TYPE, "application/json").header(ACCEPT, "application/json");
        if let Some(authority) = &self.authority {
            question = question.header(AUTHORIZATION, authority.clone());
        }
        for (name, value) in headers {
            question = question.header(*name, *value);
        }
        let text = body.map(Value::to_string).unwrap_or_default();
        let question = question.body(Full::new(Bytes::from(text))).map_err(|error| unsent(&error))?;
        self.sender.ready().await.map_err(|error| unsent(&error))?;
        let asked = async {
            let answer = self.sender.send_request(question).await?;
            let status = answer.status().as_u16();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        let asked = timeout(PATIENCE, asked).await;
        let asked = asked.map_err(|_| Trouble::Unknown(ServerError::NoAnswer(PATIENCE)))?;
        let (status, text) = asked.map_err(|error| Trouble::Unknown(ServerError::Connection(error.to_string())))?;
        // What is no JSON is no answer of CouchDB's, and its status says so.
        Ok(Told { status, body: serde_json::from_slice(&text).unwrap_or_default() })
    }

    /// What is there, where it is there.
    pub(super) async fn read(&mut self, path: &str) -> Result<Value, ServerError> {
        let told = self.ask(Method::GET, path, &[], None).await.map_err(ServerError::from)?;
        if told.status == 200 { Ok(told.body) } else { Err(refusal(path, &told)) }
    }
}

/// A "no" in words fit for people: CouchDB's own reason where it gave one.
pub(super) fn refusal(path: &str, told: &Told) -> ServerError {
    ServerError::Refused(match (told.status, told.body["reason"].as_str()) {
        (401 | 403, _) => {
            "it does not accept the user and password its pod refers to (an administrator's are needed)".to_owned()
        }
        (status, Some(reason)) => format!("it answers {status} to {path}: {reason}"),
        (status, None) => format!("it answers {status} to {path}"),
    })
}

async fn dial(way: &DialConfig) -> Result<SendRequest<Full<Bytes>>, ServerError> {
    let words = |error: &dyn std::error::Error| ServerError::Connection(error.to_string());
    let line = TcpStream::connect((way.host.as_str(), way.port)).await.map_err(|error| words(&error))?;
    // Questions are small and answered one by one: waiting to fill a packet would only add to each.
    line.set_nodelay(true).map_err(|error| words(&error))?;
    match &way.tls {
        None => speak(line).await,
        Some(tls) => {
            let name = ServerName::try_from(tls.server_name.clone()).map_err(|error| words(&error))?;
            let line = TlsConnector::from(tls.config.clone()).connect(name, line).await;
            speak(line.map_err(|error| ServerError::Connection(format!("TLS: {error}")))?).await
        }
    }
}

async fn speak(
    line: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<SendRequest<Full<Bytes>>, ServerError> {
    let (sender, talk) =
        handshake(TokioIo::new(line)).await.map_err(|error| ServerError::Connection(error.to_string()))?;
    tokio::spawn(async { drop(talk.await) }); // ends with its sender
    Ok(sender)
}

/// Basic authentication, as the manual's "Authentication" has it.
fn authority(credentials: &Credentials) -> Result<Option<HeaderValue>, ServerError> {
    let (Some(username), Some(password)) = (&credentials.username, &credentials.password) else { return Ok(None) };
    let text = format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.reveal())));
    let mut value = HeaderValue::try_from(text).map_err(|error| ServerError::Connection(error.to_string()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
