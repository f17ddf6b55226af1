//! Three `mongod` processes, gone with the value that holds them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential, ServerAddress};
use stateful_engines::{Credentials, DialConfig, Endpoint, Tls};
use stateful_safety::EngineProfile;
use tokio::time::sleep;

use super::writer::Writer;
use crate::common::PATIENCE;
use crate::common::certificates::Certificates;
use crate::common::database::{Database, leader_of};
use crate::common::loopback::Loopback;
use crate::common::processes::Process;
use crate::common::programs;
use crate::common::turns::{Measures, Turn, turn};

const PORT: u16 = 27_017;

/// How many servers a set has.
pub(super) const SERVERS: usize = 3;

/// The file with a server's certificate and its key, which it wants in one.
const PEM: &str = "server.pem";

/// What a member of an ordinary replica set is started as.
const MEMBER: &[&str] = &["--replSet", "rs0"];

/// One that takes X.509 certificates alone: from the other members, and from all who ask it anything.
const CERTIFICATES_ONLY: &[&str] = &[
    "--replSet",
    "rs0",
    "--auth",
    "--clusterAuthMode",
    "x509",
    "--setParameter",
    "authenticationMechanisms=MONGODB-X509",
];

/// As Percona's operator starts them: certificates among members, passwords for all others.
const PASSWORDS: &[&str] = &["--replSet", "rs0", "--auth", "--clusterAuthMode", "x509"];

/// Enough for what any law writes: a history that is too short is a condition of its own.
const OPLOG_MIB: u32 = 64;

/// How many sets there have been.
static STARTED: AtomicUsize = AtomicUsize::new(0);

/// Three servers named `mongo-0` to `mongo-2`.
pub(crate) struct Servers {
    home: PathBuf,
    program: PathBuf,
    loopback: Loopback,
    running: Vec<Option<Process>>,
    /// What each is started as, beside what all are.
    roles: [&'static [&'static str]; SERVERS],
    oplog_mib: u32,
    pub(super) certificates: Option<Certificates>,
    _turn: Turn,
}

impl Servers {
    /// Starts three servers that are no set yet, with the smallest oplog there can be.
    pub(super) async fn unconfigured(measures: Measures) -> Self {
        let mut servers = Self::prepare([MEMBER; SERVERS], measures).await;
        servers.oplog_mib = 1;
        servers.run_all()
    }

    /// A replica set, with these additions to each member's configuration.
    pub(super) async fn replica_set(additions: [Document; SERVERS], measures: Measures) -> Self {
        let servers = Self::unconfigured(measures).await;
        servers.initiate(additions).await;
        servers
    }

    /// The same under TLS: all members show one certificate, for all their names, and speak to each other under TLS alone.
    pub(super) async fn encrypted() -> Self {
        let mut servers = Self::prepare([MEMBER; SERVERS], Measures::Nothing).await;
        servers.certify();
        let servers = servers.run_all();
        servers.initiate(Default::default()).await;
        servers
    }

    /// A replica set that takes certificates alone, and whose first member leads.
    pub(super) async fn certificates_only() -> Self {
        let mut servers = Self::prepare([CERTIFICATES_ONLY; SERVERS], Measures::Nothing).await;
        servers.certify();
        let servers = servers.run_all();
        servers.initiate([doc! { "priority": 2 }, Document::new(), Document::new()]).await;
        servers
    }

    /// Servers of a set that asks every client except its members for a password; the set is not initiated yet.
    pub(super) async fn with_passwords() -> Self {
        let mut servers = Self::prepare([PASSWORDS; SERVERS], Measures::Nothing).await;
        servers.certify();
        servers.run_all()
    }

    /// A sharded cluster: the first two are its config servers, the third is its one shard. There is no mongos, so what it
    /// would tell the config servers is told to them directly, as they take it while there are no users.
    pub(super) async fn sharded() -> Self {
        let config = &["--configsvr", "--replSet", "cfg"];
        let roles: [&[&str]; SERVERS] = [config, config, &["--shardsvr", "--replSet", "shop-a"]];
        let servers = Self::prepare(roles, Measures::Nothing).await.run_all();
        let host = |number| servers.host(number);
        let config = [doc! { "_id": 0, "host": host(0), "priority": 2 }, doc! { "_id": 1, "host": host(1) }];
        let config = doc! { "_id": "cfg", "configsvr": true, "members": config.to_vec() };
        let shard = doc! { "_id": "shop-a", "members": [{ "_id": 0, "host": host(2) }] };
        servers.order(0, doc! { "replSetInitiate": config }).await;
        servers.order(2, doc! { "replSetInitiate": shard }).await;
        servers.order(0, doc! { "replSetStepUp": 1 }).await;
        servers.settles(&servers.endpoints()[..2]).await;
        servers.settles(&servers.endpoints()[2..]).await;
        let add = doc! { "_configsvrAddShard": format!("shop-a/{}", host(2)), "name": "shop-a" };
        servers.order(0, with_majority(add)).await;
        servers
    }

    async fn prepare(roles: [&'static [&'static str]; SERVERS], measures: Measures) -> Self {
        let program = programs::find("mongod", "MONGOD");
        let turn = turn(measures).await;
        let number = STARTED.fetch_add(1, Ordering::SeqCst);
        let home = std::env::temp_dir().join(format!("stateful-mongodb-{}-{number}", std::process::id()));
        fs::create_dir(&home).expect("a folder of our own");
        let loopback = Loopback::take(27, &[PORT]);
        Self {
            home,
            program,
            loopback,
            running: Vec::new(),
            roles,
            oplog_mib: OPLOG_MIB,
            certificates: None,
            _turn: turn,
        }
    }

    fn certify(&mut self) {
        let made = Certificates::make(&self.home, &[0, 1, 2].map(|number| (name(number), self.address(number))));
        let both = [&made.certificate, &made.key].map(|path| fs::read(path).expect("a file")).concat();
        fs::write(self.home.join(PEM), both).expect("a file");
        self.certificates = Some(made);
    }

    fn run_all(mut self) -> Self {
        for number in 0..SERVERS {
            self.running.push(None);
            self.run(number);
        }
        self
    }

    /// Throws away what a server that does not run has on its disk.
    pub(super) fn lose_data(&self, number: usize) {
        fs::remove_dir_all(self.home.join(name(number))).expect("its folder");
    }

    /// Starts a server that does not run.
    pub(super) fn run(&mut self, number: usize) {
        self.run_with(number, &[]);
    }

    /// The same with more words on its command line.
    pub(super) fn run_with(&mut self, number: usize, words: &[&str]) {
        let data = self.home.join(name(number));
        fs::create_dir_all(&data).expect("a folder of its own");
        let mut command = Command::new(&self.program);
        if let Some(certificates) = &self.certificates {
            // The law's own clients speak plainly; members and the adapter do not.
            command.args(["--tlsMode", "preferTLS"]);
            command.arg("--tlsCAFile").arg(&certificates.authority);
            command.arg("--tlsCertificateKeyFile").arg(self.home.join(PEM));
        }
        command
            .args(self.roles[number])
            .args(words)
            .args(["--bind_ip", &self.address(number), "--port", &PORT.to_string(), "--nounixsocket"])
            .args(["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", &self.oplog_mib.to_string()])
            .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
            .args(["--setParameter", "enableTestCommands=1"])
            .arg("--dbpath")
            .arg(&data)
            .arg("--logpath")
            .arg(data.join("log"))
            .arg("--logappend")
            // Newer kernels and the allocator of older servers both want the same corner of a thread's memory.
            .env("GLIBC_TUNABLES", "glibc.pthread.rseq=0");
        self.running[number] = Some(Process::start(&mut command));
    }

    /// Ends one at once, if it runs.
    pub(super) fn kill(&mut self, number: usize) {
        if let Some(mut server) = self.running[number].take() {
            server.kill();
        }
    }

    /// Makes a replica set of the servers, and waits until it is led by the first. That one is told to stand at once: by
    /// themselves they would wait for ten seconds.
    pub(super) async fn initiate(&self, additions: [Document; SERVERS]) {
        let members = additions.into_iter().enumerate().map(|(number, addition)| {
            let id = i32::try_from(number).expect("few");
            let mut member = doc! { "_id": id, "host": self.host(number) };
            member.extend(addition);
            member
        });
        let config = doc! { "_id": "rs0", "members": members.collect::<Vec<_>>() };
        self.order(0, doc! { "replSetInitiate": config }).await;
        // Where it takes orders of no user there is no shorter way.
        if !self.roles[0].contains(&"--auth") {
            self.order(0, doc! { "replSetStepUp": 1 }).await;
        }
        self.settled().await;
    }

    /// What a server answers to a command; it is asked until it carries it out.
    pub(super) async fn order(&self, number: usize, order: Document) -> Document {
        let begun = Instant::now();
        loop {
            match self.connection(number).database("admin").run_command(order.clone()).await {
                Ok(answer) => return answer,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{}: {order}: {error}", name(number)),
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Has a server carry out a command of that user's.
    pub(super) async fn order_as(&self, number: usize, (user, password): (&str, &str), order: Document) {
        let mut options = options(&self.address(number));
        let credential = Credential::builder().username(user.to_owned()).password(password.to_owned()).build();
        options.credential = Some(credential);
        let client = Client::with_options(options).expect("a client");
        client.database("admin").run_command(order).await.expect("it is carried out");
    }

    /// A client of one server alone.
    pub(super) fn connection(&self, number: usize) -> Client {
        connection(&self.address(number))
    }

    pub(super) fn address(&self, number: usize) -> String {
        self.loopback.address(number)
    }

    /// A server as the set's configuration names it.
    pub(super) fn host(&self, number: usize) -> String {
        format!("{}:{PORT}", self.address(number))
    }

    /// The way to one server, under those TLS settings.
    pub(super) fn endpoint(&self, number: usize, tls: Option<Tls>) -> Endpoint {
        let target = DialConfig { host: self.address(number), port: PORT, tls, credentials: Credentials::default() };
        Endpoint {
            member: name(number),
            incarnation: name(number),
            address: Some(self.address(number)),
            kept: vec!["/".to_owned()], // a file of this machine outlives every server
            starts: Arc::default(),
            dial_config: Ok(target),
        }
    }

    /// Who leads, once every member is in sync.
    pub(super) async fn leader(&self) -> String {
        leader_of(&self.settled().await, &name(0)).expect("one leads")
    }
}

impl Database for Servers {
    type Client = Writer;

    const PROFILE: &'static EngineProfile = &stateful_engines::mongodb::PROFILE;
    /// Longer than the second that a secondary sleeps in one switchover of fifteen while others write with `w: majority`
    /// (docs/decisions/0025-the-second-that-is-left-of-a-stepdown.md).
    const LONGEST_PAUSE: Duration = Duration::from_secs(2);
    /// Shorter than that second: it does not come where the canary's is the only write under way.
    const LONGEST_CANARY_PAUSE: Duration = Duration::from_millis(700);
    /// The driver sends a write again by itself, and the servers carry it out once.
    const UNKNOWN_BY_CANARY: u64 = 0;

    async fn start(measures: Measures) -> Self {
        let servers = Self::prepare([MEMBER; SERVERS], measures).await.run_all();
        servers.initiate(Default::default()).await;
        servers
    }

    fn endpoints(&self) -> Vec<Endpoint> {
        let with_certificate = self.roles == [CERTIFICATES_ONLY; SERVERS];
        let settings = |own: &Certificates| Tls { logs_in: with_certificate, ..own.settings(&own.authority) };
        (0..SERVERS).map(|number| self.endpoint(number, self.certificates.as_ref().map(settings))).collect()
    }

    fn client(&self) -> Writer {
        Writer::to((0..SERVERS).map(|number| self.connection(number)).collect())
    }

    fn process(&self, member: usize) -> u32 {
        self.running[member].as_ref().expect("it runs").id()
    }

    fn restart(&mut self, member: usize) {
        self.running[member].as_mut().expect("it runs").stop();
        self.run(member);
    }

    async fn canary_leftovers(&self) -> Vec<String> {
        let leader = self.number(&self.leader().await);
        let names = self.connection(leader).list_database_names().await.expect("an answer");
        names.into_iter().filter(|name| name == "kubectl_stateful").collect()
    }

    fn logs(&self) -> String {
        let log = |number: usize| {
            let text = fs::read_to_string(self.home.join(name(number)).join("log")).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("--- {}\n{}", name(number), lines[lines.len().saturating_sub(10)..].join("\n"))
        };
        (0..SERVERS).map(log).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.running.clear();
        drop(fs::remove_dir_all(&self.home));
    }
}

/// As a mongos sends what changes a cluster.
fn with_majority(mut order: Document) -> Document {
    order.insert("writeConcern", doc! { "w": "majority" });
    order
}

pub(super) fn name(number: usize) -> String {
    format!("mongo-{number}")
}

fn connection(address: &str) -> Client {
    Client::with_options(options(address)).expect("a client")
}

fn options(address: &str) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.hosts = vec![ServerAddress::Tcp { host: address.to_owned(), port: Some(PORT) }];
    options.direct_connection = Some(true);
    options.server_selection_timeout = Some(Duration::from_secs(1));
    options
}
