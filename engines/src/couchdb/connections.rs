//! Connections to nodes: requests over HTTP, one after another over a connection that is kept open.

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

use super::HttpAnswer;
use crate::{Credentials, DialConfig, Endpoint, ServerError};

/// How long a node may take to answer. A healthy one answers in milliseconds; two seconds leave room for a tunnel through a
/// busy API server, and still end before an assessment grows stale (3 s).
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Why a request has no answer, and whether the node may have received it.
#[derive(Debug)]
pub(super) enum RequestError {
    /// The node has not received it.
    NeverSent(String),
    /// The node may have received it.
    Unknown(ServerError),
}

impl From<RequestError> for ServerError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::NeverSent(why) => Self::Connection(why),
            RequestError::Unknown(why) => why,
        }
    }
}

/// The open connections, by incarnation.
#[derive(Default)]
pub(super) struct Connections {
    kept: Mutex<HashMap<String, Connection>>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    /// A connection to a member: the one kept, or a new one. The caller returns it with `keep` when all went well.
    pub(super) async fn to(&self, endpoint: &Endpoint) -> Result<Connection, ServerError> {
        let kept = self.kept.lock().await.remove(&endpoint.incarnation);
        if let Some(mut connection) = kept
            && connection.sender.ready().await.is_ok()
        {
            return Ok(connection);
        }
        Connection::to(endpoint).await
    }

    /// Keeps a connection for the next question.
    pub(super) async fn keep(&self, endpoint: &Endpoint, connection: Connection) {
        self.kept.lock().await.insert(endpoint.incarnation.clone(), connection);
    }
}

/// A connection to one node.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authority: Option<HeaderValue>,
    /// The shard maps that the node last returned, and their update sequence then.
    pub(super) shard_maps: Option<(Value, Value)>,
}

impl Connection {
    /// Dials a member.
    pub(super) async fn to(endpoint: &Endpoint) -> Result<Self, ServerError> {
        let target = endpoint.dial_config()?;
        let dialled = timeout(PATIENCE, dial(target)).await;
        let sender = dialled.unwrap_or(Err(ServerError::NoConnection(PATIENCE)))?;
        let authority = authority(&target.credentials)?;
        Ok(Self { sender, host: endpoint.member.clone(), authority, shard_maps: None })
    }

    /// Sends a request.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &'static str)],
        body: Option<&Value>,
    ) -> Result<HttpAnswer, RequestError> {
        let unsent = |error: &dyn std::error::Error| RequestError::NeverSent(error.to_string());
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
        let exchange = async {
            let answer = self.sender.send_request(question).await?;
            let status = answer.status().as_u16();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        };
        let answered = timeout(PATIENCE, exchange).await;
        let answered = answered.map_err(|_| RequestError::Unknown(ServerError::NoAnswer(PATIENCE)))?;
        let (status, text) =
            answered.map_err(|error| RequestError::Unknown(ServerError::Connection(error.to_string())))?;
        // A body that is not JSON is not from CouchDB itself; its status says what went wrong.
        Ok(HttpAnswer { status, body: serde_json::from_slice(&text).unwrap_or_default() })
    }

    /// Reads a document or a setting that has to be there.
    pub(super) async fn read(&mut self, path: &str) -> Result<Value, ServerError> {
        let answer = self.ask(Method::GET, path, &[], None).await.map_err(ServerError::from)?;
        if answer.status == 200 { Ok(answer.body) } else { Err(refusal(path, &answer)) }
    }
}

/// An answer that is not a success, as an error message: CouchDB's own reason where it gave one.
pub(super) fn refusal(path: &str, answer: &HttpAnswer) -> ServerError {
    ServerError::Refused(match (answer.status, answer.body["reason"].as_str()) {
        (401 | 403, _) => {
            "it does not accept the user and password its pod refers to (an administrator's are needed)".to_owned()
        }
        (status, Some(reason)) => format!("it answers {status} to {path}: {reason}"),
        (status, None) => format!("it answers {status} to {path}"),
    })
}

async fn dial(target: &DialConfig) -> Result<SendRequest<Full<Bytes>>, ServerError> {
    let words = |error: &dyn std::error::Error| ServerError::Connection(error.to_string());
    let line = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(|error| words(&error))?;
    // Questions are small and answered one by one: waiting to fill a packet would only add to each.
    line.set_nodelay(true).map_err(|error| words(&error))?;
    match &target.tls {
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

/// Basic authentication (manual, "Authentication").
fn authority(credentials: &Credentials) -> Result<Option<HeaderValue>, ServerError> {
    let (Some(username), Some(password)) = (&credentials.username, &credentials.password) else { return Ok(None) };
    let text = format!("Basic {}", STANDARD.encode(format!("{username}:{}", password.reveal())));
    let mut value = HeaderValue::try_from(text).map_err(|error| ServerError::Connection(error.to_string()))?;
    value.set_sensitive(true);
    Ok(Some(value))
}
