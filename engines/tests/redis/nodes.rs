//! `redis-server` processes, each with an address, a folder and a configuration file of its own, and what writes to them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client as Driver, Cmd, ErrorKind, FromRedisValue, RedisResult, Value, cmd};
use stateful_engines::{Credentials, DialConfig, Endpoint};
use tokio::time::sleep;

use crate::common::PATIENCE;
use crate::common::load::{Answer, Client, Key};
use crate::common::loopback::Loopback;
use crate::common::processes::Process;
use crate::common::programs;
use crate::common::turns::{Measures, Turn, turn};

pub(crate) const PORT: u16 = 6379;

pub(crate) const SENTINEL_PORT: u16 = 26_379;

/// The port at which nodes of a Redis Cluster speak to each other.
const BUS_PORT: u16 = 16_379;

/// Written to disk at once, as the examples are; and no second of waiting before a replica is copied to.
const SETTINGS: &str =
    "protected-mode no\nappendonly yes\nsave \"\"\nrepl-diskless-sync-delay 0\nmin-replicas-to-write 0\n";

/// The servers of a set, gone with this value.
pub(crate) struct Nodes {
    program: PathBuf,
    home: PathBuf,
    loopback: Loopback,
    running: Vec<Process>,
    _turn: Turn,
}

impl Nodes {
    /// A place for servers; none runs yet.
    pub(crate) async fn prepare(measures: Measures) -> Self {
        let program = programs::find("redis-server", "REDIS_SERVER");
        let turn = turn(measures).await;
        let loopback = Loopback::take(63, &[PORT, BUS_PORT, SENTINEL_PORT]);
        let home = std::env::temp_dir().join(format!("stateful-redis-{}-{}", std::process::id(), loopback.address(0)));
        fs::create_dir(&home).expect("a folder of our own");
        Self { program, home, loopback, running: Vec::new(), _turn: turn }
    }

    /// Starts the next server, with these settings besides those of all.
    pub(crate) async fn run(&mut self, settings: &str) {
        let number = self.running.len();
        let (address, data) = (self.address(number), self.home.join(name(number)));
        fs::create_dir(&data).expect("a folder of its own");
        let own = format!(
            "dir {}\nlogfile {}\nport {PORT}\nbind {address}\nbind-source-addr {address}\n{SETTINGS}{settings}\n",
            data.display(),
            data.join("log").display()
        );
        fs::write(data.join("redis.conf"), own).expect("a configuration file");
        self.running.push(self.start(number, &[]));
        self.answers(number).await;
    }

    /// Starts the next server as a Sentinel with these settings; its port is another.
    pub(crate) async fn run_sentinel(&mut self, settings: &str) {
        let number = self.running.len();
        let (address, data) = (self.address(number), self.home.join(name(number)));
        fs::create_dir(&data).expect("a folder of its own");
        let own = format!(
            "dir {}\nlogfile {}\nport {SENTINEL_PORT}\nbind {address}\nbind-source-addr {address}\nprotected-mode no\n{settings}\n",
            data.display(),
            data.join("log").display()
        );
        fs::write(data.join("redis.conf"), own).expect("a configuration file");
        self.running.push(self.start(number, &["--sentinel"]));
        self.answers(number).await;
    }

    fn start(&self, number: usize, words: &[&str]) -> Process {
        let data = self.home.join(name(number));
        Process::start(Command::new(&self.program).arg(data.join("redis.conf")).args(words))
    }

    /// Stops a server as the kubelet does, and starts it again on its data.
    pub(crate) fn restart(&mut self, number: usize) {
        self.running[number].stop();
        self.running[number] = self.start(number, &[]);
    }

    pub(crate) fn process(&self, number: usize) -> u32 {
        self.running[number].id()
    }

    pub(crate) fn address(&self, number: usize) -> String {
        self.loopback.address(number)
    }

    fn port(&self, number: usize) -> u16 {
        let is_sentinel = fs::read_to_string(self.home.join(name(number)).join("redis.conf"))
            .is_ok_and(|settings| settings.contains(&format!("port {SENTINEL_PORT}")));
        if is_sentinel { SENTINEL_PORT } else { PORT }
    }

    /// The ways to some of them, as discovery finds them.
    pub(crate) fn endpoints(&self, numbers: std::ops::Range<usize>) -> Vec<Endpoint> {
        let endpoint = |number: usize| Endpoint {
            member: name(number),
            incarnation: format!("{}-{}", name(number), self.process(number)),
            address: Some(self.address(number)),
            kept: vec![self.home.display().to_string()],
            starts: Arc::default(),
            dial_config: Ok(DialConfig {
                host: self.address(number),
                port: self.port(number),
                tls: None,
                credentials: Credentials::default(),
            }),
        };
        numbers.map(endpoint).collect()
    }

    /// What a server answers to a command. Panics where it refuses.
    pub(crate) async fn order<T: FromRedisValue>(&self, number: usize, command: &Cmd) -> T {
        self.try_order(number, command).await.unwrap_or_else(|error| panic!("{}: {error}", name(number)))
    }

    /// The same, and the error where it refuses or the connection breaks.
    pub(crate) async fn try_order<T: FromRedisValue>(&self, number: usize, command: &Cmd) -> RedisResult<T> {
        let mut connection = connect(&self.address(number), self.port(number)).await?;
        command.query_async(&mut connection).await
    }

    /// The host that a member follows, and whether its link is up.
    pub(crate) async fn followed(&self, number: usize) -> (String, bool) {
        let info: String = self.order(number, cmd("INFO").arg("replication")).await;
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        (field("master_host:"), field("master_link_status:") == "up")
    }

    /// Waits until a member follows another one and has what that has.
    pub(crate) async fn until_followed(&self, number: usize, by: usize) {
        let (address, begun) = (self.address(by), Instant::now());
        while self.followed(number).await != (address.clone(), true) {
            assert!(begun.elapsed() < PATIENCE, "redis-{number} does not follow redis-{by}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn answers(&self, number: usize) {
        let begun = Instant::now();
        while connect(&self.address(number), self.port(number)).await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "{} does not start: {}", name(number), self.log(number));
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn log(&self, number: usize) -> String {
        let text = fs::read_to_string(self.home.join(name(number)).join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    pub(crate) fn logs(&self) -> String {
        let logs = (0..self.running.len()).map(|number| format!("--- {}\n{}", name(number), self.log(number)));
        logs.collect::<Vec<_>>().join("\n")
    }

    /// A client that writes to some of them.
    pub(crate) fn writer(&self, shards: &[(Vec<usize>, &'static str)]) -> Writer {
        let shard = |(members, tag): &(Vec<usize>, &'static str)| Shard { members: members.clone(), tag };
        let addresses = (0..self.running.len()).map(|number| self.address(number)).collect();
        Writer { addresses, shards: shards.iter().map(shard).collect() }
    }

    /// Keys with the canary's name on any of the servers.
    pub(crate) async fn canary_keys(&self, members: std::ops::Range<usize>) -> Vec<String> {
        let mut left = Vec::new();
        for number in members {
            left.extend(self.order::<Vec<String>>(number, cmd("KEYS").arg("kubectl-stateful:*")).await);
        }
        left
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        self.running.clear();
        drop(fs::remove_dir_all(&self.home));
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("redis-{number}")
}

/// A connection to one server, in which a write that waits is waited for.
async fn connect(address: &str, port: u16) -> RedisResult<MultiplexedConnection> {
    let driver = Driver::open(format!("redis://{address}:{port}"))?;
    let config =
        AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(Some(Duration::from_secs(1)));
    driver.get_multiplexed_async_connection_with_config(&config).await
}

/// Members that hold the same keys, and a word that puts a key on them.
#[derive(Debug, Clone)]
struct Shard {
    members: Vec<usize>,
    tag: &'static str,
}

/// Writes fields of a hash, one hash a writer: to whichever member of the writer's shard says that it leads.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    addresses: Vec<String>,
    shards: Vec<Shard>,
}

impl Writer {
    fn shard(&self, writer: usize) -> &Shard {
        &self.shards[writer % self.shards.len()]
    }

    fn hash(&self, writer: usize) -> String {
        format!("load:{{{}}}:{writer}", self.shard(writer).tag)
    }
}

impl Client for Writer {
    type Connection = MultiplexedConnection;

    const IS_LED: bool = true;

    /// An answer takes a tenth of a millisecond.
    const RESTS: Duration = Duration::from_millis(2);

    fn group(&self, writer: usize) -> usize {
        writer % self.shards.len()
    }

    async fn connect(&self, writer: usize) -> Option<(usize, MultiplexedConnection)> {
        for number in &self.shard(writer).members {
            let Ok(mut connection) = connect(&self.addresses[*number], PORT).await else { continue };
            let Ok(role) = cmd("ROLE").query_async::<Vec<Value>>(&mut connection).await else { continue };
            if role.first() == Some(&Value::BulkString(b"master".to_vec())) {
                return Some((*number, connection));
            }
        }
        None
    }

    async fn write(&self, connection: &mut MultiplexedConnection, (writer, number): Key) -> Answer {
        let mut write = cmd("HSET");
        write.arg(self.hash(writer)).arg(number).arg("");
        match write.query_async::<u8>(connection).await {
            Ok(_) => Answer::Acknowledged,
            // Its own word: READONLY, MOVED, CLUSTERDOWN, LOADING; nothing was written.
            Err(error) if error.code().is_some() && error.kind() != ErrorKind::Io => Answer::Refused,
            Err(_) => Answer::Unknown,
        }
    }

    async fn keys(&self, member: usize) -> BTreeSet<Key> {
        let mut connection = connect(&self.addresses[member], PORT).await.expect("it answers");
        // Replicas of a Redis Cluster answer from what they hold after this; others do not know it.
        drop(cmd("READONLY").query_async::<Value>(&mut connection).await);
        let mut keys = BTreeSet::new();
        for writer in (0..crate::common::load::WRITERS).filter(|writer| self.shard(*writer).members.contains(&member)) {
            let numbers: BTreeSet<u64> =
                cmd("HKEYS").arg(self.hash(writer)).query_async(&mut connection).await.expect("its fields");
            keys.extend(numbers.into_iter().map(|number| (writer, number)));
        }
        keys
    }
}
