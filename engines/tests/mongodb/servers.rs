//! A replica set of three, gone with this value.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::certificates::Certificates;
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential, ServerAddress};
use stateful_engines::mongodb::Mongodb;
use stateful_engines::{Credentials, DialConfig, Endpoint, Engine, Tls};
use stateful_safety::{Assessment, Role, Sync};

/// Longer than anything that works takes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

const PORT: u16 = 27_017;

/// A server's certificate and its key, which it wants in one file.
const SHOWN: &str = "server.pem";

/// As a server is started that takes no password.
const CERTIFIED: &[&str] = &[
    "--replSet",
    "rs0",
    "--auth",
    "--clusterAuthMode",
    "x509",
    "--setParameter",
    "authenticationMechanisms=MONGODB-X509",
];

/// As one that knows users.
const WITH_USERS: &[&str] = &["--replSet", "rs0", "--auth", "--clusterAuthMode", "x509"];

/// One set at a time: this machine has two cores, and gaps are measured.
static ALONE: Mutex<()> = Mutex::new(());

/// Servers named `mongo-0` to `mongo-2`.
pub(crate) struct Servers {
    home: PathBuf,
    program: PathBuf,
    running: Vec<Option<Child>>,
    /// What each is started as, beside what all are.
    roles: [&'static [&'static str]; 3],
    pub(crate) certificates: Option<Certificates>,
    _alone: MutexGuard<'static, ()>,
}

impl Servers {
    /// Starts them without making a set of them. None, with a word why, where there is no server to start.
    pub(crate) fn start() -> Option<Self> {
        Self::prepare().map(Self::run_all)
    }

    /// The same under TLS: all show one certificate, for all their names, and speak to nobody without.
    pub(crate) fn start_encrypted() -> Option<Self> {
        let mut servers = Self::prepare()?;
        servers.certify();
        Some(servers.run_all())
    }

    /// A sharded cluster: the first two are its config servers, the third is its one shard. There is no mongos, so what it
    /// would tell the config servers is told to them directly, as they take it while there are no users.
    pub(crate) async fn start_sharded() -> Option<Self> {
        let mut servers = Self::prepare()?;
        let config = &["--configsvr", "--replSet", "cfg"];
        servers.roles = [config, config, &["--shardsvr", "--replSet", "shop-a"]];
        let servers = servers.run_all();
        let host = |number| format!("{}:{PORT}", address(number));
        let config = [doc! { "_id": 0, "host": host(0), "priority": 2 }, doc! { "_id": 1, "host": host(1) }];
        let config = doc! { "_id": "cfg", "configsvr": true, "members": config.to_vec() };
        let shard = doc! { "_id": "shop-a", "members": [{ "_id": 0, "host": host(2) }] };
        servers.order(0, doc! { "replSetInitiate": config }).await;
        servers.order(2, doc! { "replSetInitiate": shard }).await;
        servers.whole_of(&servers.endpoints()[..2]).await;
        servers.whole_of(&servers.endpoints()[2..]).await;
        let add = doc! { "_configsvrAddShard": format!("shop-a/{}", host(2)), "name": "shop-a" };
        servers.order(0, with_majority(add)).await;
        Some(servers)
    }

    /// The same, and they take X.509 certificates alone: from each other, and from whoever asks them anything.
    pub(crate) fn start_certified() -> Option<Self> {
        let mut servers = Self::prepare()?;
        servers.certify();
        servers.roles = [CERTIFIED; 3];
        Some(servers.run_all())
    }

    /// As Percona's operator starts them: certificates among themselves, passwords for everybody else.
    pub(crate) fn start_with_users() -> Option<Self> {
        let mut servers = Self::prepare()?;
        servers.certify();
        servers.roles = [WITH_USERS; 3];
        Some(servers.run_all())
    }

    fn certify(&mut self) {
        let made = Certificates::make(&self.home, &[0, 1, 2].map(|number| (name(number), address(number))));
        let both = [&made.certificate, &made.key].map(|path| fs::read(path).expect("a file")).concat();
        fs::write(self.home.join(SHOWN), both).expect("a file");
        self.certificates = Some(made);
    }

    fn prepare() -> Option<Self> {
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
        fs::create_dir_all(&home).expect("a folder of our own");
        Some(Self {
            home,
            program,
            running: Vec::new(),
            roles: [&["--replSet", "rs0"]; 3],
            certificates: None,
            _alone: alone,
        })
    }

    fn run_all(mut self) -> Self {
        for number in 0..3 {
            self.running.push(None);
            self.run(number);
        }
        self
    }

    /// Throws away what a server that does not run has on its disk.
    pub(crate) fn lose_data(&self, number: usize) {
        fs::remove_dir_all(self.home.join(name(number))).expect("its folder");
    }

    /// Starts a server that does not run.
    pub(crate) fn run(&mut self, number: usize) {
        self.run_with(number, &[]);
    }

    /// The same with more words on its command line.
    pub(crate) fn run_with(&mut self, number: usize, words: &[&str]) {
        let data = self.home.join(name(number));
        fs::create_dir_all(&data).expect("a folder of its own");
        let mut command = Command::new(&self.program);
        if let Some(certificates) = &self.certificates {
            // Whoever sets up the proof speaks plainly; members and the adapter do not.
            command.args(["--tlsMode", "preferTLS"]);
            command.arg("--tlsCAFile").arg(&certificates.authority);
            command.arg("--tlsCertificateKeyFile").arg(self.home.join(SHOWN));
        }
        let started = command
            .args(self.roles[number])
            .args(words)
            .args(["--bind_ip", &address(number), "--port", &PORT.to_string(), "--nounixsocket"])
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

    /// The same as somebody.
    pub(crate) async fn order_as(&self, number: usize, (user, password): (&str, &str), order: Document) {
        let mut options = options(number);
        let credential = Credential::builder().username(user.to_owned()).password(password.to_owned()).build();
        options.credential = Some(credential);
        let client = Client::with_options(options).expect("a client");
        client.database("admin").run_command(order).await.expect("done");
    }

    /// The doors to all of them, as discovery would give them.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        let certified = self.roles == [CERTIFIED; 3];
        let settings = |own: &Certificates| Tls { logs_in: certified, ..own.settings(&own.authority) };
        (0..3).map(|number| endpoint(number, self.certificates.as_ref().map(settings))).collect()
    }

    /// What the adapter makes of them, as soon as one leads and the others follow closely.
    pub(crate) async fn whole(&self) -> Assessment {
        self.whole_of(&self.endpoints()).await
    }

    /// The same of some of them.
    pub(crate) async fn whole_of(&self, endpoints: &[Endpoint]) -> Assessment {
        let engine = Mongodb::default();
        let begun = Instant::now();
        loop {
            let assessment = engine.assess(endpoints, 1).await;
            let members = &assessment.groups[0].members;
            let following = members.iter().all(|member| matches!(member.sync, Sync::InSync { .. }));
            let led = members.iter().any(|member| member.role == Role::Primary);
            if following && led && assessment.blockers_of_moves().next().is_none() {
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

/// As a mongos sends what changes a cluster.
pub(crate) fn with_majority(mut order: Document) -> Document {
    order.insert("writeConcern", doc! { "w": "majority" });
    order
}

pub(crate) fn name(number: usize) -> String {
    format!("mongo-{number}")
}

pub(crate) fn address(number: usize) -> String {
    format!("127.0.27.{}", number + 1)
}

/// A client of one server alone.
pub(crate) fn client(number: usize) -> Client {
    Client::with_options(options(number)).expect("a client")
}

fn options(number: usize) -> ClientOptions {
    let mut options = ClientOptions::default();
    options.hosts = vec![ServerAddress::Tcp { host: address(number), port: Some(PORT) }];
    options.direct_connection = Some(true);
    options.server_selection_timeout = Some(Duration::from_secs(1));
    options
}

pub(crate) fn endpoint(number: usize, tls: Option<Tls>) -> Endpoint {
    let way = DialConfig { host: address(number), port: PORT, tls, credentials: Credentials::default() };
    Endpoint {
        member: name(number),
        incarnation: name(number),
        address: Some(address(number)),
        kept: Vec::new(),
        way: Ok(way),
    }
}
