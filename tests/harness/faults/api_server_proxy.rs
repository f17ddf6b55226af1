//! A TCP proxy between one client and the API server, which can delay, close or swallow its connections. Other clients are not
//! affected.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{Cluster, Namespace};

/// The proxy, and the kubeconfig that leads through it; both end when this is dropped.
pub struct ApiServerProxy {
    kubeconfig: PathBuf,
    state: watch::Sender<State>,
    listener: JoinHandle<()>,
}

/// What the proxy does with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Delays everything by this much, in each direction.
    Open(Duration),
    /// Closes connections, and new ones at once, as if the API server had stopped.
    Closed,
    /// Lets nothing through and closes nothing, as a network that swallows packets. What was sent meanwhile arrives afterwards.
    Silent,
}

impl ApiServerProxy {
    /// Starts one without a delay. The namespace gives its kubeconfig a name.
    pub async fn start(cluster: &Cluster, namespace: &Namespace) -> Result<Self> {
        let config = cluster.kubectl(&["config", "view", "--raw", "--minify", "--flatten", "-o", "json"]).await?;
        let mut config: Value = serde_json::from_str(&config)?;
        let entry = &mut config["clusters"][0]["cluster"];
        let server = entry["server"].as_str().context("the kubeconfig names no server")?;
        let authority = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let upstream = lookup_host(&authority).await?.next().context("the server has no address")?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        entry["server"] = format!("https://{}", listener.local_addr()?).into();
        // The server's certificate is for its own address.
        let name = authority.rsplit_once(':').map_or(authority.as_str(), |(name, _)| name);
        entry["tls-server-name"] = name.trim_matches(['[', ']']).into();
        let kubeconfig = std::env::temp_dir().join(format!("{}-api-server-proxy.json", namespace.name()));
        std::fs::write(&kubeconfig, config.to_string())?;
        let (state, now) = watch::channel(State::Open(Duration::ZERO));
        Ok(Self { kubeconfig, state, listener: tokio::spawn(serve(listener, upstream, now)) })
    }

    /// The kubeconfig of clients that use the proxy.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Delays everything by this much in each direction, so that a client's steps take long enough to act between two of them.
    pub fn delay(&self, by: Duration) {
        self.state.send_replace(State::Open(by));
    }

    /// Closes every connection, and every new one at once.
    pub fn close(&self) {
        self.state.send_replace(State::Closed);
    }

    /// Lets nothing through any more, and closes nothing.
    pub fn swallow(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Works without a delay again, as at first.
    pub fn reopen(&self) {
        self.delay(Duration::ZERO);
    }
}

impl Drop for ApiServerProxy {
    fn drop(&mut self) {
        self.listener.abort();
        // A kubeconfig that stays in the temporary folder leads nowhere.
        drop(std::fs::remove_file(&self.kubeconfig));
    }
}

async fn serve(listener: TcpListener, upstream: SocketAddr, now: watch::Receiver<State>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, upstream, now.clone()));
    }
}

/// Forwards one connection until either side closes it or the proxy does.
async fn forward(client: TcpStream, upstream: SocketAddr, mut now: watch::Receiver<State>) {
    if *now.borrow() == State::Closed {
        return;
    }
    let _ = now.wait_for(|state| *state != State::Silent).await;
    let Ok(server) = TcpStream::connect(upstream).await else { return };
    // Requests are small, and their time is measured.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = copy(from_client, to_server, now.clone()) => {}
        () = copy(from_server, to_client, now.clone()) => {}
        _ = now.wait_for(|state| *state == State::Closed) => {}
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut now: watch::Receiver<State>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let state = now.wait_for(|state| *state != State::Silent).await.map(|state| *state);
        if let Ok(State::Open(by)) = state {
            tokio::time::sleep(by).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
