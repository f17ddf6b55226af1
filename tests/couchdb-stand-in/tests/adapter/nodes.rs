//! Stand-ins on this machine, as processes of their own.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use stateful_engines::couchdb::{Couchdb, interpret};
use stateful_engines::{Credentials, DialConfig, Endpoint, Secret};
use stateful_safety::{Assessment, Sync};
use tokio::net::TcpStream;

/// Longer than anything here takes on two busy cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A node's pod.
pub(crate) fn name(number: usize) -> String {
    format!("couchdb-{number}")
}

/// Three nodes, or as many of them as run.
pub(crate) struct Nodes {
    folder: PathBuf,
    ports: Vec<u16>,
    running: Vec<Option<Child>>,
}

impl Nodes {
    /// Starts three, and waits until they are one cluster.
    pub(crate) async fn start(word: &str) -> Self {
        let mut nodes = Self::prepare(word);
        for number in 0..3 {
            nodes.run(number);
        }
        nodes.whole().await;
        nodes
    }

    fn prepare(word: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("couchdb-stand-in-{word}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let seeds: Vec<String> = (0..3).map(|number| format!("couchdb@{}.couchdb", name(number))).collect();
        fs::write(folder.join("cluster.ini"), format!("[cluster]\nseedlist = {}\n", seeds.join(","))).expect("a file");
        // All at once, so that no two are the same.
        let listeners: Vec<TcpListener> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        let ports = listeners.iter().map(|listener| listener.local_addr().expect("an address").port()).collect();
        Self { folder, ports, running: vec![None, None, None] }
    }

    /// Starts a node, on its data of before.
    pub(crate) fn run(&mut self, number: usize) {
        let hosts: Vec<String> =
            self.ports.iter().enumerate().map(|(at, port)| format!("{}.couchdb=127.0.0.1:{port}", name(at))).collect();
        let process = Command::new(env!("CARGO_BIN_EXE_couchdb-stand-in"))
            .env("NODENAME", format!("{}.couchdb", name(number)))
            .env("COUCHDB_USER", "admin")
            .env("COUCHDB_PASSWORD", "secret")
            .env("COUCHDB_STAND_IN_INI", self.folder.join("cluster.ini"))
            .env("COUCHDB_STAND_IN_DATA", self.folder.join(name(number)))
            .env("COUCHDB_STAND_IN_LISTEN", format!("127.0.0.1:{}", self.ports[number]))
            .env("COUCHDB_STAND_IN_HOSTS", hosts.join(","))
            .spawn()
            .expect("the stand-in starts");
        self.running[number] = Some(process);
    }

    /// Ends a node as a lost machine does.
    pub(crate) fn kill(&mut self, number: usize) {
        let mut process = self.running[number].take().expect("it runs");
        process.kill().expect("it can be ended");
        process.wait().expect("it ends");
    }

    /// The ways to all three.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let credentials =
            Credentials { username: Some("admin".to_owned()), password: Some(Secret::new("secret".to_owned())) };
        let endpoint = |number: usize| Endpoint {
            member: name(number),
            incarnation: format!("{number}-{:?}", self.running[number].as_ref().map(Child::id)),
            address: None,
            kept: Vec::new(),
            way: Ok(DialConfig {
                host: "127.0.0.1".to_owned(),
                port: self.ports[number],
                tls: None,
                credentials: credentials.clone(),
            }),
        };
        (0..3).map(endpoint).collect()
    }

    /// What they are, now.
    pub(crate) async fn snapshot(&self) -> Assessment {
        interpret(&Couchdb::default().observe(&self.endpoints()).await, 1)
    }

    /// Waits until all are in sync and nothing is the matter.
    pub(crate) async fn whole(&self) {
        self.until("all is well", |assessment| {
            let members = assessment.groups.iter().flat_map(|group| &group.members);
            assessment.blockers.is_empty()
                && members.map(|member| &member.sync).filter(|sync| matches!(sync, Sync::InSync { .. })).count() >= 3
        })
        .await;
    }

    /// Looks until it is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Assessment) -> bool) -> Assessment {
        let begun = Instant::now();
        loop {
            let assessment = self.snapshot().await;
            if is_so(&assessment) {
                return assessment;
            }
            assert!(begun.elapsed() < PATIENCE, "it is never so that {what}: {assessment:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What a node answers to its administrator.
    pub(crate) async fn ask(&self, number: usize, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let line = TcpStream::connect(("127.0.0.1", self.ports[number])).await.expect("it listens");
        let (mut sender, talk) = handshake(TokioIo::new(line)).await.expect("it speaks HTTP");
        tokio::spawn(async { drop(talk.await) });
        let text = if body.is_null() { String::new() } else { body.to_string() };
        let request = Request::builder()
            .method(method.parse::<Method>().expect("a method"))
            .uri(path)
            .header("authorization", format!("Basic {}", STANDARD.encode("admin:secret")))
            .body(Full::new(Bytes::from(text)))
            .expect("a request");
        let answer = sender.send_request(request).await.expect("it answers");
        let status = answer.status().as_u16();
        let text = answer.into_body().collect().await.expect("a body").to_bytes();
        (status, serde_json::from_slice(&text).unwrap_or_default())
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for process in self.running.iter_mut().flatten() {
            drop(process.kill());
            drop(process.wait());
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}
