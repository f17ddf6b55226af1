//! Three nodes of a cluster, each a stand-in in a process of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::Value;
use stateful_engines::{Credentials, DialConfig, Endpoint, Secret};
use stateful_safety::{Assessment, EngineProfile};
use tokio::time::sleep;

use super::writer::{Writer, request};
use crate::common::PATIENCE;
use crate::common::database::Database;
use crate::common::loopback::Loopback;
use crate::common::processes::Process;
use crate::common::turns::{Measures, Turn, turn};

const PORT: u16 = 5984;

/// How many nodes there are.
pub(super) const NODES: usize = 3;

/// How many clusters there have been.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Three nodes named `couchdb-0` to `couchdb-2`, gone with this value.
pub(crate) struct Nodes {
    program: PathBuf,
    home: PathBuf,
    loopback: Loopback,
    running: Vec<Option<Process>>,
    _turn: Turn,
}

impl Nodes {
    async fn prepare(measures: Measures) -> Self {
        let program = stand_in();
        let turn = turn(measures).await;
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("stateful-couchdb-{}-{number}", std::process::id()));
        fs::create_dir(&home).expect("a folder of our own");
        let seeds: Vec<String> = (0..NODES).map(|number| format!("couchdb@{}.couchdb", name(number))).collect();
        fs::write(home.join("cluster.ini"), format!("[cluster]\nseedlist = {}\n", seeds.join(","))).expect("a file");
        let loopback = Loopback::take(59, &[PORT]);
        Self { program, home, loopback, running: vec![None, None, None], _turn: turn }
    }

    /// Starts a node that does not run, on its data of before.
    pub(super) fn run(&mut self, number: usize) {
        let host = |number| format!("{}.couchdb={}:{PORT}", name(number), self.loopback.address(number));
        let mut command = Command::new(&self.program);
        command
            .env("NODENAME", format!("{}.couchdb", name(number)))
            .env("COUCHDB_USER", "admin")
            .env("COUCHDB_PASSWORD", "secret")
            .env("COUCHDB_STAND_IN_INI", self.home.join("cluster.ini"))
            .env("COUCHDB_STAND_IN_DATA", self.home.join(name(number)))
            .env("COUCHDB_STAND_IN_LISTEN", format!("{}:{PORT}", self.loopback.address(number)))
            .env("COUCHDB_STAND_IN_HOSTS", (0..NODES).map(host).collect::<Vec<_>>().join(","));
        self.running[number] = Some(Process::start(&mut command));
    }

    /// Ends a node as a lost machine does.
    pub(super) fn kill(&mut self, number: usize) {
        self.running[number].take().expect("it runs").kill();
    }

    /// Looks until it is so.
    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&Assessment) -> bool) -> Assessment {
        let begun = Instant::now();
        loop {
            let assessment = self.assess().await;
            if is_so(&assessment) {
                return assessment;
            }
            assert!(begun.elapsed() < PATIENCE, "it is never so that {what}: {assessment:#?}");
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// What a node answers to its administrator: the status, and what it says.
    pub(super) async fn ask(&self, number: usize, method: &str, path: &str, body: &Value) -> (u16, Value) {
        request(&self.loopback.address(number), PORT, method, path, body).await.expect("it answers")
    }
}

impl Database for Nodes {
    type Client = Writer;

    const PROFILE: &'static EngineProfile = &stateful_engines::couchdb::PROFILE;
    /// No role is moved, so no law asks for these three.
    const LONGEST_PAUSE: Duration = Duration::ZERO;
    const LONGEST_CANARY_PAUSE: Duration = Duration::ZERO;
    const UNKNOWN_BY_CANARY: u64 = 0;

    async fn start(measures: Measures) -> Self {
        let mut nodes = Self::prepare(measures).await;
        for number in 0..NODES {
            nodes.run(number);
        }
        nodes.settled().await;
        nodes
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let credentials =
            Credentials { username: Some("admin".to_owned()), password: Some(Secret::new("secret".to_owned())) };
        let endpoint = |number: usize| Endpoint {
            member: name(number),
            incarnation: format!("{}-{:?}", name(number), self.running[number].as_ref().map(Process::id)),
            address: None,
            kept: Vec::new(),
            starts: Arc::default(),
            dial_config: Ok(DialConfig {
                host: self.loopback.address(number),
                port: PORT,
                tls: None,
                credentials: credentials.clone(),
            }),
        };
        (0..NODES).map(endpoint).collect()
    }

    fn client(&self) -> Writer {
        Writer::to((0..NODES).map(|number| self.loopback.address(number)).collect(), PORT)
    }

    fn process(&self, member: usize) -> u32 {
        self.running[member].as_ref().expect("it runs").id()
    }

    fn restart(&mut self, member: usize) {
        self.running[member].as_mut().expect("it runs").stop();
        self.run(member);
    }

    async fn canary_leftovers(&self) -> Vec<String> {
        let (_, databases) = self.ask(0, "GET", "/_all_dbs", &Value::Null).await;
        let names = databases.as_array().into_iter().flatten().filter_map(Value::as_str);
        names.filter(|name| name.starts_with("kubectl_stateful")).map(ToOwned::to_owned).collect()
    }

    /// It has none.
    fn logs(&self) -> String {
        String::new()
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.running.clear();
        drop(fs::remove_dir_all(&self.home));
    }
}

/// A node's pod.
pub(super) fn name(number: usize) -> String {
    format!("couchdb-{number}")
}

/// The stand-in's program, built now if it is not: it is of another package, which cargo does not build for the laws of this one.
fn stand_in() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--package", "couchdb-stand-in", "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "the stand-in is not built: {}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8_lossy(&built.stdout);
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    };
    messages.lines().find_map(executable).expect("cargo names the program")
}
