//! A primary and two standbys, each started again whenever it ends, as the kubelet would.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use stateful_engines::postgres::Postgres;
use stateful_engines::{Credentials, DialConfig, Endpoint, Engine, Secret};
use stateful_safety::{Assessment, Sync};
use tokio_postgres::{Client, NoTls};

use crate::programs::{append, owner, programs, stop, succeed};

/// Nobody is there yet to wait for. Clients need no password: hashing it four thousand times in a build without
/// optimisation would be most of what is measured.
const SETUP: &str = "SET synchronous_commit = local; CREATE TABLE kept (writer int, number bigint); \
    CREATE ROLE client LOGIN; GRANT ALL ON kept TO client";

/// What the superuser and the standbys say; with the letters that trip quoting.
pub(crate) const PASSWORD: &str = r"it's a \secret";

/// Longer than anything that works takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// One set of servers at a time: this machine has two cores, and gaps are measured.
static ALONE: Mutex<()> = Mutex::new(());

/// How many sets there have been.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Three servers named `pg-0` to `pg-2`, gone with this value.
pub(crate) struct Servers {
    pub(crate) home: PathBuf,
    programs: PathBuf,
    running: Vec<Running>,
    _alone: MutexGuard<'static, ()>,
}

struct Running {
    down: Arc<AtomicBool>,
    keeper: Option<JoinHandle<()>>,
}

impl Servers {
    /// Starts them: all data copied, both standbys streaming. None, with a word why, where there is no server to start.
    pub(crate) async fn start(rule: &str) -> Option<Self> {
        Self::start_with(rule, |_| true).await
    }

    /// The same, in a folder that is made ready first. None also where that cannot be done.
    pub(crate) async fn start_with(rule: &str, made_ready: impl FnOnce(&Path) -> bool) -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: no PostgreSQL server under /usr/lib/postgresql (apt-get install postgresql-15)");
            return None;
        };
        let alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // One of its own each time: a disk that is mounted in the one before may outlive its servers by a moment.
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("stateful-postgres-{}-{number}", std::process::id()));
        fs::create_dir(&home).expect("a folder of our own");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("for its owner alone");
        if let Some((user, group)) = owner() {
            chown(&home, Some(user), Some(group)).expect("a folder of the server's own");
        }
        if !made_ready(&home) {
            return None;
        }
        let mut servers = Self { home, programs, running: Vec::new(), _alone: alone };
        servers.found(rule);
        servers.run(0);
        servers.link(0).await.batch_execute(SETUP).await.expect("a table");
        for number in [1, 2] {
            servers.copy(number);
            servers.run(number);
        }
        servers.whole().await;
        Some(servers)
    }

    pub(crate) fn data(&self, number: usize) -> PathBuf {
        self.home.join(name(number))
    }

    /// The doors to all of them, as discovery would give them.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        (0..self.running.len()).map(endpoint).collect()
    }

    /// A connection of the superuser's, as soon as the server answers.
    pub(crate) async fn link(&self, number: usize) -> Client {
        let begun = Instant::now();
        loop {
            match connect(number, "postgres").await {
                Ok(client) => return client,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{}: {error}: {}", name(number), self.log(number)),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The only word a server answers.
    pub(crate) async fn word(&self, number: usize, question: &str) -> Option<String> {
        let link = self.link(number).await;
        link.query_one(question, &[]).await.expect("an answer").get(0)
    }

    /// What the adapter makes of them, as soon as everybody streams and nothing is the matter.
    pub(crate) async fn whole(&self) -> Assessment {
        let engine = Postgres::default();
        let begun = Instant::now();
        loop {
            let assessment = engine.assess(&self.endpoints(), 1).await;
            let members = &assessment.groups[0].members;
            let streaming = members.iter().all(|member| matches!(member.sync, Sync::InSync { .. }));
            // Our own old sessions end in their own time.
            let calm = assessment.blockers.iter().all(|blocker| blocker.code == "STF-PG-001");
            if streaming && calm {
                return assessment;
            }
            assert!(begun.elapsed() < PATIENCE, "{assessment:#?}\n{}\n{}\n{}", self.log(0), self.log(1), self.log(2));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The last lines a server logged.
    pub(crate) fn log(&self, number: usize) -> String {
        let text = fs::read_to_string(self.home.join(format!("{}.log", name(number)))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// The system's number of a server's process of that kind (`walreceiver`), by its title.
    pub(crate) fn process(&self, number: usize, kind: &str) -> Option<u32> {
        let first = fs::read_to_string(self.data(number).join("postmaster.pid")).ok()?;
        let parent = first.lines().next()?.to_owned();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        let of_kind =
            |pid: &&str| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|title| title.contains(kind));
        children.split_whitespace().find(of_kind)?.parse().ok()
    }

    /// Stops a server for as long as the test lasts.
    pub(crate) fn take_away(&mut self, number: usize) {
        let running = &mut self.running[number];
        running.down.store(true, Ordering::SeqCst);
        stop(&self.home.join(name(number)));
        if let Some(keeper) = running.keeper.take() {
            let _ = keeper.join();
        }
    }

    /// Starts it again.
    pub(crate) fn bring_back(&mut self, number: usize) {
        self.running[number] = self.keep(number);
    }

    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        if let Some((user, group)) = owner() {
            command.uid(user).gid(group);
        }
        command.env_clear().env("PGPASSWORD", PASSWORD).current_dir(&self.home);
        command
    }

    fn found(&self, rule: &str) {
        let word = self.home.join("password");
        fs::write(&word, format!("{PASSWORD}\n")).expect("a file");
        let data = self.data(0);
        let mut command = self.program("initdb");
        command.args(["--username", "postgres", "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
        chown(&word, owner().map(|owner| owner.0), None).expect("a file of the server's own");
        succeed(command.arg("--pwfile").arg(&word).arg("--pgdata").arg(&data));
        let settings = format!(
            "synchronous_standby_names = '{rule}'\nwal_retrieve_retry_interval = 200ms\nwal_sender_timeout = 3s\n\
             wal_keep_size = 64MB\nshared_buffers = 16MB\nmax_prepared_transactions = 4\nwal_level = logical\n\
             port = {PORT}\nunix_socket_directories = ''\n"
        );
        append(&data.join("postgresql.conf"), &settings);
        fs::write(
            data.join("pg_hba.conf"),
            "host all client 127.0.0.0/8 trust\nhost all all 127.0.0.0/8 scram-sha-256\nhost replication all 127.0.0.0/8 scram-sha-256\n",
        )
        .expect("a file");
    }

    pub(crate) fn copy(&self, number: usize) {
        let data = self.data(number);
        let mut command = self.program("pg_basebackup");
        command.args(["--host", &address(0), "--port", &PORT.to_string(), "--username", "postgres"]);
        succeed(command.args(["--checkpoint", "fast", "--write-recovery-conf", "--pgdata"]).arg(&data));
    }

    fn run(&mut self, number: usize) {
        let running = self.keep(number);
        self.running.push(running);
    }

    fn keep(&self, number: usize) -> Running {
        let down = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&down);
        let log = self.home.join(format!("{}.log", name(number)));
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data(number)).args(["-c", &format!("cluster_name={}", name(number))]);
        command.args(["-c", &format!("listen_addresses={}", address(number))]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child: Child = command.spawn().expect("a server");
        let keeper = std::thread::spawn(move || {
            loop {
                let _ = child.wait();
                if asked.load(Ordering::SeqCst) {
                    return;
                }
                // As soon as a kubelet could.
                std::thread::park_timeout(Duration::from_millis(100));
                if asked.load(Ordering::SeqCst) {
                    return; // told in between: nobody would end what is started now
                }
                child = command.spawn().expect("a server");
            }
        });
        Running { down, keeper: Some(keeper) }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for number in 0..3 {
                eprintln!("--- {}\n{}", name(number), self.log(number));
            }
        }
        for running in &self.running {
            running.down.store(true, Ordering::SeqCst);
        }
        for number in 0..self.running.len() {
            stop(&self.data(number));
        }
        for running in &mut self.running {
            if let Some(keeper) = running.keeper.take() {
                let _ = keeper.join();
            }
        }
        let _ = fs::remove_dir_all(&self.home);
    }
}

const PORT: u16 = 54_329;

pub(crate) fn name(number: usize) -> String {
    format!("pg-{number}")
}

pub(crate) fn address(number: usize) -> String {
    format!("127.0.54.{}", number + 1)
}

fn endpoint(number: usize) -> Endpoint {
    let password = Some(Secret::new(PASSWORD.to_owned()));
    let way = DialConfig {
        host: address(number),
        port: PORT,
        tls: None,
        credentials: Credentials { username: None, password },
    };
    Endpoint {
        member: name(number),
        incarnation: name(number),
        address: Some(address(number)),
        kept: Vec::new(),
        way: Ok(way),
    }
}

pub(crate) async fn connect(number: usize, user: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host(address(number)).port(PORT).user(user).password(PASSWORD).dbname("postgres");
    config.connect_timeout(Duration::from_secs(1)).application_name("a client");
    let (client, driver) = config.connect(NoTls).await?;
    tokio::spawn(driver);
    Ok(client)
}
