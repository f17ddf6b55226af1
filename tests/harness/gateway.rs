//! One client's way to the API server, which can be made slow and can be taken away. Everybody else's is as it was.

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

/// A way that can be closed; gone with this value, and its kubeconfig with it.
pub struct Gateway {
    kubeconfig: PathBuf,
    state: watch::Sender<State>,
    listener: JoinHandle<()>,
}

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It arrives so much later, either way.
    Open(Duration),
    /// Connections end, and new ones end at once: what a client sees of an API server that has stopped.
    Closed,
    /// Nothing arrives, and nobody is told: what a client sees of a network that swallows packets. What was sent meanwhile
    /// arrives when it is over.
    Silent,
}

impl Gateway {
    /// A way that is open and adds no time. The namespace gives its kubeconfig a name.
    pub async fn open(cluster: &Cluster, namespace: &Namespace) -> Result<Self> {
        let told = cluster.kubectl(&["config", "view", "--raw", "--minify", "--flatten", "-o", "json"]).await?;
        let mut config: Value = serde_json::from_str(&told)?;
        let reached = &mut config["clusters"][0]["cluster"];
        let server = reached["server"].as_str().context("the kubeconfig names no server")?;
        let authority = server.trim_start_matches("https://").trim_end_matches('/').to_owned();
        let there = lookup_host(&authority).await?.next().context("the server has no address")?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        reached["server"] = format!("https://{}", listener.local_addr()?).into();
        // Its certificate is for where it really is.
        let name = authority.rsplit_once(':').map_or(authority.as_str(), |(name, _)| name);
        reached["tls-server-name"] = name.trim_matches(['[', ']']).into();
        let kubeconfig = std::env::temp_dir().join(format!("{}-gateway.json", namespace.name()));
        std::fs::write(&kubeconfig, config.to_string())?;
        let (state, now) = watch::channel(State::Open(Duration::ZERO));
        Ok(Self { kubeconfig, state, listener: tokio::spawn(serve(listener, there, now)) })
    }

    /// What a client reads to go this way.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Whatever is sent arrives so much later, either way: what a client does at once takes so long that it can be met.
    pub fn slow(&self, by: Duration) {
        self.state.send_replace(State::Open(by));
    }

    /// Ends every connection, and every new one at once.
    pub fn close(&self) {
        self.state.send_replace(State::Closed);
    }

    /// Lets nothing through any more, and ends nothing.
    pub fn swallow(&self) {
        self.state.send_replace(State::Silent);
    }

    /// As at first.
    pub fn reopen(&self) {
        self.slow(Duration::ZERO);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.listener.abort();
        // A file left in the temporary folder leads nowhere.
        drop(std::fs::remove_file(&self.kubeconfig));
    }
}

async fn serve(listener: TcpListener, there: SocketAddr, now: watch::Receiver<State>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(carry(client, there, now.clone()));
    }
}

/// One connection, until either side ends it or the way is closed.
async fn carry(client: TcpStream, there: SocketAddr, mut now: watch::Receiver<State>) {
    if *now.borrow() == State::Closed {
        return;
    }
    let _ = now.wait_for(|state| *state != State::Silent).await;
    let Ok(server) = TcpStream::connect(there).await else { return };
    // What is asked is small, and measured.
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
