//! What the load writes to CouchDB: a document a write, to any node; and one request over HTTP.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::common::load::{Answer, Client, Key};

/// The load's database. It has a copy on each of three nodes.
const DATABASE: &str = "/load";

/// The nodes. A client that was cut off goes to the next one.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    addresses: Vec<String>,
    port: u16,
    next: Arc<AtomicUsize>,
}

impl Writer {
    pub(super) fn to(addresses: Vec<String>, port: u16) -> Self {
        Self { addresses, port, next: Arc::default() }
    }
}

impl Client for Writer {
    type Connection = SendRequest<Full<Bytes>>;

    const IS_LED: bool = false;

    async fn connect(&self, _: usize) -> Option<(usize, Self::Connection)> {
        let number = self.next.fetch_add(1, Ordering::SeqCst) % self.addresses.len();
        let mut connection = connect(&self.addresses[number], self.port).await.ok()?;
        // The first client makes the database; the others are told that it is there.
        let (status, _) = send(&mut connection, "PUT", DATABASE, &Value::Null).await.ok()?;
        matches!(status, 201 | 202 | 412).then_some((number, connection))
    }

    async fn write(&self, connection: &mut Self::Connection, (writer, number): Key) -> Answer {
        match send(connection, "PUT", &format!("{DATABASE}/{writer}-{number}"), &json!({})).await {
            Ok((201, _)) => Answer::Acknowledged,
            // 202 says that fewer copies than a quorum have it; and after an error some may.
            Ok(_) | Err(_) => Answer::Unknown,
        }
    }

    async fn keys(&self, member: usize) -> BTreeSet<Key> {
        let mut connection = connect(&self.addresses[member], self.port).await.expect("it answers");
        let (_, all) =
            send(&mut connection, "GET", &format!("{DATABASE}/_all_docs"), &Value::Null).await.expect("documents");
        let ids = all["rows"].as_array().into_iter().flatten().filter_map(|row| row["id"].as_str());
        let key = |id: &str| {
            let (writer, number) = id.split_once('-').expect("a key");
            (writer.parse().expect("a writer"), number.parse().expect("a number"))
        };
        ids.map(key).collect()
    }
}

/// What a node answers to its administrator: the status, and what it says.
pub(super) async fn request(
    address: &str,
    port: u16,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<(u16, Value), String> {
    send(&mut connect(address, port).await?, method, path, body).await
}

async fn connect(address: &str, port: u16) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = TcpStream::connect((address, port)).await.map_err(|error| error.to_string())?;
    let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(async { drop(driver.await) });
    Ok(sender)
}

async fn send(
    connection: &mut SendRequest<Full<Bytes>>,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<(u16, Value), String> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder()
        .method(method.parse::<Method>().expect("a method"))
        .uri(path)
        .header("authorization", format!("Basic {}", STANDARD.encode("admin:secret")))
        .body(Full::new(Bytes::from(text)))
        .expect("a request");
    let answer = connection.send_request(request).await.map_err(|error| error.to_string())?;
    let status = answer.status().as_u16();
    let text = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    Ok((status, serde_json::from_slice(&text).unwrap_or_default()))
}
