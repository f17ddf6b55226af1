//! The way to other nodes: CouchDB's speak Erlang's protocol with each other, these speak JSON over HTTP. What matters is who
//! can be reached, and what a copy answers.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Where nodes ask each other.
pub(crate) const INTERNAL: &str = "/_stand_in/";

/// How long another node may take. CouchDB waits for minutes before it gives a silent node up; the tests have no minutes.
const PATIENCE: Duration = Duration::from_secs(1);

/// Idle connections, by address.
#[derive(Default)]
pub(crate) struct Peers {
    idle: Mutex<HashMap<String, Vec<SendRequest<Full<Bytes>>>>>,
}

impl Peers {
    /// Asks a node something.
    pub(crate) async fn ask(&self, address: &str, cookie: &str, what: &str, body: &Value) -> Result<Value, String> {
        let asked = timeout(PATIENCE, self.asked(address, cookie, what, body)).await;
        asked.unwrap_or_else(|_| Err(format!("no answer within {PATIENCE:?}")))
    }

    async fn asked(&self, address: &str, cookie: &str, what: &str, body: &Value) -> Result<Value, String> {
        let words = |error: hyper::Error| error.to_string();
        let mut kept = self.kept(address);
        let is_open = match &mut kept {
            Some(kept) => kept.ready().await.is_ok(),
            None => false,
        };
        let mut sender = match kept.filter(|_| is_open) {
            Some(kept) => kept,
            None => dial(address).await?,
        };
        let question = Request::post(format!("{INTERNAL}{what}"))
            .header(header::HOST, address)
            .header(header::COOKIE, cookie)
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(question).await.map_err(words)?;
        let status = answer.status();
        let text = answer.into_body().collect().await.map_err(words)?.to_bytes();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).entry(address.to_owned()).or_default().push(sender);
        if !status.is_success() {
            return Err(String::from_utf8_lossy(&text).into_owned());
        }
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }

    fn kept(&self, address: &str) -> Option<SendRequest<Full<Bytes>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(address)?.pop()
    }
}

async fn dial(address: &str) -> Result<SendRequest<Full<Bytes>>, String> {
    let line = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    line.set_nodelay(true).map_err(|error| error.to_string())?;
    let (sender, talk) = handshake(TokioIo::new(line)).await.map_err(|error| error.to_string())?;
    tokio::spawn(async { drop(talk.await) }); // ends with its sender
    Ok(sender)
}
