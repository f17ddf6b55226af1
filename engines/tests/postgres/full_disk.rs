//! A successor without room: a promotion makes a new file of the log, and a server that cannot make it goes down.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use stateful_engines::Switchover;
use stateful_engines::postgres::Postgres;
use stateful_engines::{ClientPause, SwitchoverError};

use crate::clients::Clients;
use crate::faults::{leader, switch_over};
use crate::programs::owner;
use crate::servers::{PATIENCE, Servers, name};
use crate::switchover::ANY;

/// A copy of an empty database, and the log these proofs write, with room to spare.
const SIZE_MIB: u64 = 160;

/// Less than one file of the log (16 MiB), and enough for all that is not one.
const LEFT_MIB: u64 = 8;

/// Enough for a promotion (32 MiB), and for a file of the log that is made meanwhile.
const ENOUGH_MIB: u64 = 56;

/// A file system of one server's own, gone with this value.
struct Disk {
    place: PathBuf,
}

impl Disk {
    /// Mounts one. None, with a word why, where we may not.
    fn mount(place: &Path) -> Option<Self> {
        fs::create_dir(place).expect("a folder of our own");
        let (user, group) = owner().unwrap_or((0, 0));
        let options = format!("size={SIZE_MIB}m,mode=0700,uid={user},gid={group}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(place).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self { place: place.to_owned() });
        }
        eprintln!("skipped: nobody but root may mount a file system");
        fs::remove_dir(place).expect("an empty folder");
        None
    }

    /// Fills it but for so much, with a file of that name.
    fn fill(&self, name: &str, left_mib: u64) {
        let place = self.place.join(name);
        let size = self.free_kib().saturating_sub(left_mib * 1024) * 1024;
        // A server that makes a file meanwhile may take what we wanted.
        let _ = fs::write(&place, vec![1_u8; usize::try_from(size).expect("a size")]);
        let short = (left_mib * 1024).saturating_sub(self.free_kib()) * 1024;
        let file = fs::OpenOptions::new().write(true).open(&place).expect("a file");
        let size = file.metadata().expect("a size").len();
        file.set_len(size.saturating_sub(short)).expect("a shorter file");
    }

    fn free_kib(&self) -> u64 {
        let told = Command::new("df").args(["--output=avail", "-k"]).arg(&self.place).output().expect("df");
        let told = String::from_utf8(told.stdout).expect("text");
        told.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number")
    }

    /// Makes room again.
    fn empty(&self, name: &str) {
        fs::remove_file(self.place.join(name)).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Its server may take a moment to end.
        let _ = Command::new("umount").arg("--lazy").arg(&self.place).status();
        let _ = fs::remove_dir(&self.place);
        if let Some(home) = self.place.parent() {
            let _ = fs::remove_dir(home);
        }
    }
}

/// Fills the rest when all is prepared, and the successor was asked for room, before anything stops.
struct Fills<'a>(&'a Disk);

impl ClientPause for Fills<'_> {
    fn close(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async {
            self.0.fill("the rest", LEFT_MIB);
            Ok(())
        })
    }

    fn turn(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Three servers, the second of them with a disk of its own, which has to outlive them.
async fn with_a_disk() -> Option<(Disk, Servers)> {
    let mut disk = None;
    let servers = Servers::start_with(ANY, |home| {
        disk = Disk::mount(&home.join(name(1)));
        disk.is_some()
    });
    let servers = servers.await?;
    log_begun(&servers).await;
    disk.map(|disk| (disk, servers))
}

/// Waits until the second server has a record of the file of the log that the copies ended at. It makes that file with the
/// first record in it: 16 MiB, for which there is no room later.
async fn log_begun(servers: &Servers) {
    let written = "SELECT pg_logical_emit_message(true, 'proof', 'begun')::text";
    let written = servers.word(0, written).await.expect("a place in the log");
    let there = format!("SELECT (pg_last_wal_replay_lsn() >= '{written}')::text");
    let begun = Instant::now();
    while servers.word(1, &there).await.as_deref() != Some("true") {
        assert!(begun.elapsed() < PATIENCE, "{}", servers.log(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_without_room_for_a_promotion_is_refused_with_the_numbers_and_nobody_waits() {
    let Some((disk, servers)) = with_a_disk().await else { return };
    let clients = Clients::start();
    disk.fill("ballast", LEFT_MIB);
    let refused = switch_over(&servers, 0, 1).await;
    println!("{refused:?}");
    let Err(SwitchoverError::Refused { member, why }) = refused else { panic!("{refused:?}") };
    assert_eq!(member, name(1));
    assert!(why.contains(" MiB are free") && why.contains("needs 32 MiB"), "{why}");
    assert!(!servers.data(0).join("standby.signal").exists(), "it would come back as a standby");
    let leader = leader(&servers).await;
    let report = clients.finish(&servers, leader).await;
    println!("a full successor, refused: {report:?}");
    assert_eq!((leader, report.lost, report.unknown), (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_whose_disk_fills_up_on_the_way_gives_the_role_back_and_nothing_is_lost() {
    let Some((disk, servers)) = with_a_disk().await else { return };
    // Most of it: the rest is filled while clients write, and should be quick.
    disk.fill("much", ENOUGH_MIB);
    let clients = Clients::start();
    let gate = Fills(&disk);
    let ended = Postgres::default().switch_over(&servers.endpoints(), &[], &name(0), &name(1), &gate).await;
    println!("{ended:?}");
    let Err(SwitchoverError::Refused { member, why }) = ended else { panic!("{ended:?}") };
    assert_eq!(member, name(1));
    assert!(why.contains("went down when it was told to lead") && why.contains("MiB are free"), "{why}");
    // While it is as full as before: the other standby is enough for a commit.
    servers.link(0).await.execute("INSERT INTO kept VALUES (9, 0)", &[]).await.expect("the old primary writes");
    disk.empty("the rest");
    disk.empty("much");
    let leads = leader(&servers).await;
    let report = clients.finish(&servers, leads).await;
    println!("a successor that fills up: {report:?}");
    assert_eq!((leads, report.lost), (0, 0));

    let clients = Clients::start();
    switch_over(&servers, 0, 1).await.expect("a switchover");
    let leads = leader(&servers).await;
    let report = clients.finish(&servers, leads).await;
    assert_eq!((leads, report.lost), (1, 0));
}
