//! A primary and two standbys, each started again whenever it ends, as the kubelet does.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use stateful_engines::{Credentials, DialConfig, Endpoint, Secret};
use stateful_safety::{Blocker, EngineProfile};
use tokio::time::sleep;
use tokio_postgres::{Client, NoTls};

use super::template;
use super::writer::Writer;
use crate::common::PATIENCE;
use crate::common::database::{Database, leader_of};
use crate::common::loopback::Loopback;
use crate::common::processes::{children, signal, thaw};
use crate::common::programs::{append, postgres};
use crate::common::turns::{Measures, Turn, turn};

/// The rule of the examples: one standby, whichever, has every commit before it is acknowledged.
pub(super) const ANY: &str = "ANY 1 (\"pg-0\", \"pg-1\", \"pg-2\")";

/// The superuser's and the standbys' password, with the letters that trip quoting.
pub(super) const PASSWORD: &str = r"it's a \secret";

pub(super) const PORT: u16 = 54_329;

/// A client without a pooler waits for less than a second in a switchover.
pub(super) const NOT_FELT: Duration = Duration::from_secs(1);

/// How many servers a set has.
pub(super) const SERVERS: usize = 3;

/// Between the end of a server and its next start: as soon as a kubelet could.
const STARTED_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How many sets there have been.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Three servers named `pg-0` to `pg-2`, gone with this value; `pg-0` leads at first.
pub(crate) struct Servers {
    pub(super) home: PathBuf,
    programs: PathBuf,
    loopback: Loopback,
    running: Vec<Kept>,
    _turn: Option<Turn>,
}

/// A server that is kept running.
struct Kept {
    /// Whether it is to stay down.
    down: Arc<AtomicBool>,
    /// Starts it again until then.
    thread: Option<JoinHandle<()>>,
}

impl Servers {
    /// Starts three servers: commits wait as `rule` (`synchronous_standby_names`) says, and both standbys stream.
    pub(super) async fn start_with(rule: &str, measures: Measures) -> Self {
        Self::start_in(rule, measures, |_| ()).await
    }

    /// The same, in a folder that `prepare` is given first.
    pub(super) async fn start_in(rule: &str, measures: Measures, prepare: impl FnOnce(&Path)) -> Self {
        let turn = turn(measures).await;
        let template = template::made().await;
        let mut servers = Self::prepare(Some(turn));
        prepare(&servers.home);
        for number in 0..SERVERS {
            template.copy(number, &servers);
        }
        // Only the primary's counts; the others have it for the day they lead.
        for number in 0..SERVERS {
            append(&servers.data(number).join("postgresql.conf"), &format!("synchronous_standby_names = '{rule}'\n"));
        }
        for number in 0..SERVERS {
            servers.run(number);
        }
        servers.settled().await;
        servers
    }

    /// A place for servers; none runs yet.
    pub(super) fn prepare(turn: Option<Turn>) -> Self {
        // One of its own each time: a disk that is mounted in the one before may outlive its servers by a moment.
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("stateful-postgres-{}-{number}", std::process::id()));
        fs::create_dir(&home).expect("a folder of our own");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("for its owner alone");
        own(&home);
        let loopback = Loopback::take(54, &[PORT]);
        Self { home, programs: postgres(), loopback, running: Vec::new(), _turn: turn }
    }

    pub(super) fn data(&self, number: usize) -> PathBuf {
        self.home.join(name(number))
    }

    pub(super) fn address(&self, number: usize) -> String {
        self.loopback.address(number)
    }

    /// A connection of the superuser's, as soon as the server answers.
    pub(super) async fn connection(&self, number: usize) -> Client {
        let begun = Instant::now();
        loop {
            match connect(&self.address(number), "postgres").await {
                Ok(client) => return client,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{}: {error}: {}", name(number), self.log(number)),
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The single value that a server answers.
    pub(super) async fn value(&self, number: usize, question: &str) -> Option<String> {
        let connection = self.connection(number).await;
        connection.query_one(question, &[]).await.expect("an answer").get(0)
    }

    /// Runs statements on a server.
    pub(super) async fn run_sql(&self, number: usize, statements: &str) {
        self.connection(number).await.batch_execute(statements).await.expect("they are carried out");
    }

    /// The number of the server that leads, once every member is in sync again.
    pub(super) async fn leader(&self) -> usize {
        let leader = leader_of(&self.settled().await, &name(0)).expect("one leads");
        self.number(&leader)
    }

    /// The last lines a server logged.
    pub(super) fn log(&self, number: usize) -> String {
        let text = fs::read_to_string(self.home.join(format!("{}.log", name(number)))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }

    /// The system's number of a process of that kind (`walreceiver`) that a server has started, by its title.
    pub(super) fn process_of(&self, number: usize, kind: &str) -> Option<u32> {
        let of_kind =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|title| title.contains(kind));
        children(self.process(number)).find(of_kind)
    }

    /// Stops a server for as long as the law lasts.
    pub(super) fn take_away(&mut self, number: usize) {
        self.running[number].down.store(true, Ordering::SeqCst);
        self.end(number);
        self.join(number);
    }

    /// Starts it again.
    pub(super) fn bring_back(&mut self, number: usize) {
        self.running[number] = self.keep(number);
    }

    /// One of PostgreSQL's programs, run as the servers are.
    pub(super) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        if let Some((user, group)) = owner() {
            command.uid(user).gid(group);
        }
        command.env_clear().env("PGPASSWORD", PASSWORD).current_dir(&self.home);
        command
    }

    /// Starts the next server.
    pub(super) fn run(&mut self, number: usize) {
        let kept = self.keep(number);
        self.running.push(kept);
    }

    fn keep(&self, number: usize) -> Kept {
        let down = Arc::new(AtomicBool::new(false));
        let stays_down = Arc::clone(&down);
        let log = self.home.join(format!("{}.log", name(number)));
        let log = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log");
        let mut command = self.program("postgres");
        command.arg("-D").arg(self.data(number)).args(["-c", &format!("cluster_name={}", name(number))]);
        command.args(["-c", &format!("listen_addresses={}", self.address(number))]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child: Child = command.spawn().expect("a server");
        let thread = std::thread::spawn(move || {
            loop {
                drop(child.wait());
                if stays_down.load(Ordering::SeqCst) {
                    return;
                }
                std::thread::park_timeout(STARTED_AGAIN_AFTER);
                if stays_down.load(Ordering::SeqCst) {
                    return; // asked in between: what is started now would never be ended
                }
                child = command.spawn().expect("a server");
            }
        });
        Kept { down, thread: Some(thread) }
    }

    /// Tells a server to end at once: what it had is thrown away with its folder.
    fn end(&self, number: usize) {
        if let Some(process) = postmaster(&self.data(number)) {
            thaw(process);
            signal("QUIT", process);
        }
    }

    /// Waits for the end of a server that is to stay down.
    fn join(&mut self, number: usize) {
        if let Some(thread) = self.running[number].thread.take() {
            thread.thread().unpark();
            drop(thread.join());
        }
    }

    /// Stops all of them so that every standby has what the primary wrote last, and lets them stay down.
    pub(super) fn shut_down(&mut self) {
        for kept in &self.running {
            kept.down.store(true, Ordering::SeqCst);
        }
        for number in 0..self.running.len() {
            signal("INT", self.process(number));
            self.join(number);
        }
    }
}

impl Database for Servers {
    type Client = Writer;

    const PROFILE: &'static EngineProfile = &stateful_engines::postgres::PROFILE;
    const LONGEST_PAUSE: Duration = NOT_FELT;
    const LONGEST_CANARY_PAUSE: Duration = NOT_FELT;
    const UNKNOWN_BY_CANARY: u64 = 1;

    async fn start(measures: Measures) -> Self {
        Self::start_with(ANY, measures).await
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let endpoint = |number: usize| {
            let credentials = Credentials { username: None, password: Some(Secret::new(PASSWORD.to_owned())) };
            Endpoint {
                member: name(number),
                incarnation: name(number),
                address: Some(self.address(number)),
                kept: vec!["/".to_owned()], // a file of this machine outlives every server
                starts: Arc::default(),
                dial_config: Ok(DialConfig { host: self.address(number), port: PORT, tls: None, credentials }),
            }
        };
        (0..SERVERS).map(endpoint).collect()
    }

    fn client(&self) -> Writer {
        Writer::to((0..SERVERS).map(|number| self.address(number)).collect())
    }

    /// Our own sessions on a primary that has been replaced end in their own time.
    fn is_harmless(blocker: &Blocker) -> bool {
        blocker.code == "STF-PG-001"
    }

    fn process(&self, member: usize) -> u32 {
        postmaster(&self.data(member)).expect("its server runs")
    }

    /// It is started again as after any end.
    fn restart(&mut self, member: usize) {
        let process = self.process(member);
        signal("INT", process);
        let begun = Instant::now();
        while postmaster(&self.data(member)).is_none_or(|running| running == process) {
            assert!(begun.elapsed() < PATIENCE, "{}", self.log(member));
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }

    async fn canary_leftovers(&self) -> Vec<String> {
        let leader = self.leader().await;
        let schemas = "SELECT nspname::text FROM pg_namespace WHERE nspname = 'kubectl_stateful'";
        let rows = self.connection(leader).await.query(schemas, &[]).await.expect("an answer");
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn logs(&self) -> String {
        let logs = (0..self.running.len()).map(|number| format!("--- {}\n{}", name(number), self.log(number)));
        logs.collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        for kept in &self.running {
            kept.down.store(true, Ordering::SeqCst);
        }
        for number in 0..self.running.len() {
            self.end(number);
        }
        for number in 0..self.running.len() {
            self.join(number);
        }
        drop(fs::remove_dir_all(&self.home));
    }
}

pub(super) fn name(number: usize) -> String {
    format!("pg-{number}")
}

/// A connection to one server, as that user.
pub(super) async fn connect(address: &str, user: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host(address).port(PORT).user(user).password(PASSWORD).dbname("postgres");
    config.connect_timeout(Duration::from_secs(1)).application_name("a client");
    let (client, driver) = config.connect(NoTls).await?;
    tokio::spawn(driver);
    Ok(client)
}

/// The user and the group that the servers run as, where this process may choose: they refuse to run as root.
pub(super) fn owner() -> Option<(u32, u32)> {
    (fs::metadata("/proc/self").ok()?.uid() == 0).then_some((65_534, 65_534))
}

/// Gives a file or a folder to the user that the servers run as.
pub(super) fn own(path: &Path) {
    let (user, group) = owner().unzip();
    chown(path, user, group).expect("it can be given to the servers' user");
}

/// The system's number of the server whose data that is.
pub(super) fn postmaster(data: &Path) -> Option<u32> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    text.lines().next()?.parse().ok()
}
