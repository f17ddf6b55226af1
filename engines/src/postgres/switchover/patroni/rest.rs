//! Requests to Patroni: one question over HTTP to the agent beside a server, and its answer.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::{Endpoint, ServerError};

/// Patroni's answer: the status, and the text.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

/// Asks the agent at an endpoint. If the connection breaks it is not known whether the agent received the question.
pub(super) async fn ask(
    endpoint: &Endpoint,
    method: Method,
    path: &str,
    body: Option<&Value>,
    patience: Duration,
) -> Result<Answer, ServerError> {
    let asked = timeout(patience, send(endpoint, method, path, body)).await;
    asked.map_err(|_| {
        ServerError::Connection(format!("Patroni beside {} did not answer within {patience:?}", endpoint.member))
    })?
}

/// Reads a JSON answer.
pub(super) async fn read(endpoint: &Endpoint, path: &str, patience: Duration) -> Result<Value, ServerError> {
    let Answer { status, text } = ask(endpoint, Method::GET, path, None, patience).await?;
    let odd = || ServerError::Refused(format!("Patroni beside {} answered {status} to {path}", endpoint.member));
    if status == 200 { serde_json::from_str(&text).map_err(|_| odd()) } else { Err(odd()) }
}

async fn send(endpoint: &Endpoint, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, ServerError> {
    let words =
        |error: &dyn std::error::Error| ServerError::Connection(format!("Patroni beside {}: {error}", endpoint.member));
    let target = endpoint.dial_config()?;
    let line = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(|error| words(&error))?;
    let (mut sender, talk) = handshake(TokioIo::new(line)).await.map_err(|error| words(&error))?;
    tokio::spawn(async { drop(talk.await) }); // ends with its sender
    let text = body.map(Value::to_string).unwrap_or_default();
    let question = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, endpoint.member.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(text)))
        .map_err(|error| words(&error))?;
    let answer = sender.send_request(question).await.map_err(|error| words(&error))?;
    let status = answer.status().as_u16();
    let text = answer.into_body().collect().await.map_err(|error| words(&error))?.to_bytes();
    Ok(Answer { status, text: String::from_utf8_lossy(&text).trim().to_owned() })
}
