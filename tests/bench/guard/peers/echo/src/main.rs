//! A webhook that says yes: `echo ADDRESS CERTIFICATE KEY`. It reads of a review no more than it must repeat, so that
//! what is left is the price of TLS, HTTP and JSON.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum_server::Server;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use serde::Deserialize;

#[derive(Deserialize)]
struct Review {
    request: Request,
}

#[derive(Deserialize)]
struct Request {
    uid: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().context("usage: echo ADDRESS CERTIFICATE KEY");
    let (address, certificate, key) = (next()?.parse::<SocketAddr>()?, next()?, next()?);
    let tls = RustlsConfig::from_pem_file(certificate, key).await?;
    let router = Router::new().route("/validate/{name}", post(yes)).route("/readyz", get(|| async { "ready" }));
    let acceptor = RustlsAcceptor::new(tls).acceptor(NoDelayAcceptor::new());
    Ok(Server::bind(address).acceptor(acceptor).http1_only().serve(router.into_make_service()).await?)
}

async fn yes(body: Bytes) -> Response {
    let Ok(Review { request: Request { uid } }) = serde_json::from_slice(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let answer = serde_json::json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": uid, "allowed": true},
    });
    ([(header::CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}
