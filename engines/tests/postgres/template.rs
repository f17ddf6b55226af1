//! The data of a primary and two standbys, made once a run and copied for every law: to make it (`initdb`, two base backups and
//! a start of each) takes seconds of both cores.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::sync::OnceCell;

use super::servers::{PASSWORD, PORT, SERVERS, Servers, name, own};
use crate::common::database::Database;
use crate::common::programs::{append, succeed};

/// The users and the table of the load. Clients need no password: hashing it four thousand times in a build without
/// optimisation would be most of what is measured.
const SETUP: &str =
    "CREATE TABLE kept (writer int, number bigint); CREATE ROLE client LOGIN; GRANT ALL ON kept TO client";

/// Two thirds of a new server's thousand files are databases that others are made from. No law makes one, and to make files anew
/// for each law was half of all the processor time (ext4 looks long for numbers of files that were not just deleted).
const FEWER_FILES: &[&str] =
    &["UPDATE pg_database SET datistemplate = false", "DROP DATABASE template1", "DROP DATABASE template0"];

/// A standby asks again soon for a log that is not there yet, and a connection that hangs is noticed in 3 s. Each log file is of
/// the usual size, and of few more than that.
const SETTINGS: &str = "wal_retrieve_retry_interval = 200ms\nwal_sender_timeout = 3s\nwal_keep_size = 64MB\n\
    shared_buffers = 16MB\nmax_prepared_transactions = 4\nwal_level = logical\nunix_socket_directories = ''\n";

/// Which connections the server accepts: clients without a password, all others with one.
const ADMITTED: &str = "host all client 127.0.0.0/8 trust\nhost all all 127.0.0.0/8 scram-sha-256\n\
    host replication all 127.0.0.0/8 scram-sha-256\n";

/// Made by the first law that needs it.
static MADE: OnceCell<Template> = OnceCell::const_new();

/// Data folders, and the address at which their standbys look for the primary.
pub(super) struct Template {
    folder: PathBuf,
    primary: String,
}

/// The template, made now if no law has needed it before.
pub(super) async fn made() -> &'static Template {
    MADE.get_or_init(make).await
}

async fn make() -> Template {
    let mut servers = Servers::prepare(None);
    initialise(&servers);
    servers.run(0);
    servers.run_sql(0, SETUP).await;
    for statement in FEWER_FILES {
        servers.run_sql(0, statement).await;
    }
    for number in 1..SERVERS {
        base_backup(&servers, number);
        servers.run(number);
    }
    servers.settled().await;
    servers.shut_down();

    let folder = folder();
    for number in 0..SERVERS {
        succeed(
            Command::new("cp")
                .args(["--archive", "--sparse=always"])
                .arg(servers.data(number))
                .arg(folder.join(name(number))),
        );
    }
    Template { folder, primary: servers.address(0) }
}

/// A folder for the template, without those that other runs have left.
fn folder() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for other in fs::read_dir(all).into_iter().flatten().flatten() {
        let file = other.file_name();
        let process = file.to_str().and_then(|file| file.strip_prefix("postgres-"));
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            drop(fs::remove_dir_all(other.path()));
        }
    }
    let folder = all.join(format!("postgres-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder of our own");
    folder
}

fn initialise(servers: &Servers) {
    let password = servers.home.join("password");
    fs::write(&password, format!("{PASSWORD}\n")).expect("a file");
    own(&password);
    let data = servers.data(0);
    let mut command = servers.program("initdb");
    command.args(["--username", "postgres", "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
    // What lasts is written when the server runs: there is no power to lose before.
    succeed(command.arg("--no-sync").arg("--pwfile").arg(&password).arg("--pgdata").arg(&data));
    append(&data.join("postgresql.conf"), &format!("{SETTINGS}port = {PORT}\n"));
    fs::write(data.join("pg_hba.conf"), ADMITTED).expect("a file");
}

fn base_backup(servers: &Servers, number: usize) {
    let mut command = servers.program("pg_basebackup");
    command.args(["--host", &servers.address(0), "--port", &PORT.to_string(), "--username", "postgres", "--no-sync"]);
    command.args(["--checkpoint", "fast", "--write-recovery-conf", "--pgdata"]);
    succeed(command.arg(servers.data(number)));
}

impl Template {
    /// Copies one server's data to where a set of servers wants it, into the folder that is there if there is one.
    pub(super) fn copy(&self, number: usize, servers: &Servers) {
        let data = servers.data(number);
        if !data.exists() {
            fs::create_dir(&data).expect("a folder of our own");
            own(&data);
        }
        succeed(
            Command::new("cp")
                .args(["--archive", "--sparse=always"])
                .arg(self.folder.join(name(number)).join("."))
                .arg(&data),
        );
        let settings = data.join("postgresql.auto.conf");
        let text = fs::read_to_string(&settings).expect("settings");
        fs::write(&settings, text.replace(&self.primary, &servers.address(0))).expect("settings");
    }
}
