//! A replica set of three, gone with this value.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, ServerAddress};
use stateful_engines::mongodb::Mongodb;
use stateful_engines::{Credentials, Door, Engine, Way};
use stateful_safety::{Assessment, Role, Sync};

/// Longer than anything that works takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

const PORT: u16 = 27_017;

/// One set at a time: this machine has two cores, and gaps are measured.
static ALONE: Mutex<()> = Mutex::new(());

/// Servers named `mongo-0` to `mongo-2`.
pub(crate) struct Servers {
    home: PathBuf,
    program: PathBuf,
    running: Vec<Option<Child>>,
    _alone: MutexGuard<'static, ()>,
}

impl Servers {
    /// Starts them without making a set of them. None, with a word why, where there is no server to start.
    pub(crate) fn start() -> Option<Self> {
        let named = std::env::var_os("MONGOD").map(PathBuf::from);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found =
            || std::env::split_paths(&path).map(|folder| folder.join("mongod")).find(|program| program.is_file());
        let Some(program) = named.or_else(found) else {
            eprintln!("skipped: no mongod on the PATH, and MONGOD names none");
            return None;
        };
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let home = std::env::temp_dir().join(format!("stateful-mongodb-{}", std::process::id()));
        let _ = fs::remove_dir_all(&home);
        let mut servers = Self { home, program, running: Vec::new(), _alone: alone };
        for number in 0..3 {
            servers.running.push(None);
            servers.run(number);
        }
        Some(servers)
    }

    /// Starts a server that does not run.
    pub(crate) fn run(&mut self, number: usize) {
        let data = self.home.join(name(number));
        fs::create_dir_all(&data).expect("a folder of its own");
        let started = Command::new(&self.program)
            .args(["--replSet", "rs0", "--bind_ip", &address(number), "--port", &PORT.to_string(), "--nounixsocket"])
            .args(["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "1"])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
            .args(["--setParameter", "enableTestCommands=1"])
            .arg("--dbpath")
            .arg(&data)
            .arg("--logpath")
            .arg(data.join("log"))
            // Newer kernels and the allocator of older servers both want the same corner of a thread's memory.
            .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0")
            .stdout(Stdio::null())
            .spawn();
        self.running[number] = Some(started.expect("a server"));
    }

    /// Ends one at once.
    pub(crate) fn kill(&mut self, number: usize) {
        if let Some(mut server) = self.running[number].take() {
            server.kill().expect("it ends");
            server.wait().expect("it has ended");
        }
    }

    /// Makes a set of them, with these additions to each one's configuration, and waits for a primary.
    pub(crate) async fn found(&self, additions: [Document; 3]) {
        let members = additions.into_iter().enumerate().map(|(number, addition)| {
            let id = i32::try_from(number).expect("few");
            let mut member = doc! { "_id": id, "host": format!("{}:{PORT}", address(number)) };
            member.extend(addition);
            member
        });
        let config = doc! { "_id": "rs0", "members": members.collect::<Vec<_>>() };
        self.order(0, doc! { "replSetInitiate": config }).await;
        self.whole().await;
    }

    /// What one answers to a command; it is asked until it can be reached.
    pub(crate) async fn order(&self, number: usize, order: Document) -> Document {
        let begun = Instant::now();
        loop {
            match client(number).database("admin").run_command(order.clone()).await {
                Ok(answer) => return answer,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{}: {order}: {error}", name(number)),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The doors to all of them, as discovery would give them.
    #[expect(clippy::unused_self, reason = "there are doors only while there are servers")]
    pub(crate) fn doors(&self) -> Vec<Door> {
        (0..3).map(door).collect()
    }

    /// What the adapter makes of them, as soon as one leads and the others follow closely.
    pub(crate) async fn whole(&self) -> Assessment {
        let engine = Mongodb::default();
        let begun = Instant::now();
        loop {
            let assessment = engine.assess(&self.doors(), 1).await;
            let members = &assessment.groups[0].members;
            let following = members.iter().all(|member| matches!(member.sync, Sync::InSync { .. }));
            let led = members.iter().any(|member| member.role == Role::Primary);
            if following && led && assessment.blockers.is_empty() {
                return assessment;
            }
            assert!(begun.elapsed() < PATIENCE, "{assessment:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for number in 0..self.running.len() {
            self.kill(number);
        }
        let _ = fs::remove_dir_all(&self.home);
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("mongo-{number}")
}

pub(crate) fn address(number: usize) -> String {
    format!("127.0.27.{}", number + 1)
}

/// A client of one server alone.
pub(crate) fn client(number: usize) -> Client {
    let mut options = ClientOptions::default();
    options.hosts = vec![ServerAddress::Tcp { host: address(number), port: Some(PORT) }];
    options.direct_connection = Some(true);
    options.server_selection_timeout = Some(Duration::from_secs(1));
    Client::with_options(options).expect("a client")
}

fn door(number: usize) -> Door {
    let way = Way { host: address(number), port: PORT, tls: None, credentials: Credentials::default() };
    Door {
        member: name(number),
        incarnation: name(number),
        address: Some(address(number)),
        kept: Vec::new(),
        way: Ok(way),
    }
}
