//! Listens, and takes requests apart.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::api::{Request, answer};
use crate::node::Node;
use crate::peers::INTERNAL;
use crate::quorum::{Reply, error};

/// Answers whoever comes, for ever.
pub(crate) async fn serve(node: Arc<Node>) -> Result<(), String> {
    let listen = &node.settings.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("{listen}: {error}"))?;
    loop {
        let Ok((line, _)) = listener.accept().await else { continue };
        let node = Arc::clone(&node);
        tokio::spawn(async move {
            let _ = line.set_nodelay(true); // it is only slower without
            let service = service_fn(|request| respond(Arc::clone(&node), request));
            drop(http1::Builder::new().serve_connection(TokioIo::new(line), service).await);
        });
    }
}

async fn respond(node: Arc<Node>, request: hyper::Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match reply(&node, request).await {
        Ok(reply) => reply,
        Err(why) => error(400, "bad_request", &why),
    };
    let mut response = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn reply(node: &Arc<Node>, request: hyper::Request<Incoming>) -> Result<Reply, String> {
    let (head, body) = request.into_parts();
    let text = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
    let body: Value = if text.is_empty() { Value::Null } else { parsed(&text)? };
    let header = |name| head.headers.get(name).and_then(|value: &hyper::header::HeaderValue| value.to_str().ok());
    if let Some(what) = head.uri.path().strip_prefix(INTERNAL) {
        if header(COOKIE.as_str()) != Some(node.settings.cookie.as_str()) {
            return Ok(error(401, "unauthorized", "It is of another cluster."));
        }
        return Ok(match node.answer(what, &body) {
            Ok(answer) => (200, answer),
            Err(why) => (500, json!(why)),
        });
    }
    let query = head.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let request = Request {
        path: head.uri.path().split('/').filter(|segment| !segment.is_empty()).map(decoded).collect(),
        query: query.map(|(name, value)| (name.to_owned(), decoded(value))).collect::<HashMap<_, _>>(),
        persist: header("x-couch-persist") != Some("false"),
        administrator: header(AUTHORIZATION.as_str()).is_some_and(|told| is_administrator(node, told)),
        method: head.method,
        body,
    };
    Ok(answer(node, &request).await)
}

fn parsed(text: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(text).map_err(|error| format!("invalid UTF-8 JSON: {error}"))
}

fn is_administrator(node: &Node, told: &str) -> bool {
    let own = format!("{}:{}", node.settings.user, node.settings.password);
    told.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok()).is_some_and(|told| told == own.as_bytes())
}

/// Without the percent signs that a path needs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            (byte, _) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
