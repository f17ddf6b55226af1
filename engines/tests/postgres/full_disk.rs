//! A successor without room: a promotion makes a new file of the log, and a server that cannot make it goes down.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use stateful_engines::{ClientPause, SwitchoverError};
use tokio::time::sleep;

use crate::common::PATIENCE;
use crate::common::database::Database;
use crate::common::load::Load;
use crate::common::turns::Measures;
use crate::postgres::servers::{ANY, Servers, name, owner};

/// A copy of an empty database, and the log that these laws write, with room to spare.
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
    /// Mounts one.
    fn mount(place: &Path) -> Self {
        fs::create_dir(place).expect("a folder of our own");
        let (user, group) = owner().unwrap_or((0, 0));
        let options = format!("size={SIZE_MIB}m,mode=0700,uid={user},gid={group}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(place).output();
        let mounted = mounted.expect("the program `mount`");
        let said = String::from_utf8_lossy(&mounted.stderr);
        assert!(
            mounted.status.success(),
            "only root may mount the small disk that this law fills: run it as root ({said})"
        );
        Self { place: place.to_owned() }
    }

    /// Fills it with a file of that name until so much is left.
    fn fill(&self, name: &str, left_mib: u64) {
        let place = self.place.join(name);
        let size = self.free_kib().saturating_sub(left_mib * 1024) * 1024;
        // A server that makes a file meanwhile may take the room first: then the write ends early, which is as good.
        drop(fs::write(&place, vec![1_u8; usize::try_from(size).expect("a size")]));
        let short = (left_mib * 1024).saturating_sub(self.free_kib()) * 1024;
        let file = fs::OpenOptions::new().write(true).open(&place).expect("a file");
        let size = file.metadata().expect("a size").len();
        file.set_len(size.saturating_sub(short)).expect("a shorter file");
    }

    fn free_kib(&self) -> u64 {
        let output = Command::new("df").args(["--output=avail", "-k"]).arg(&self.place).output().expect("df");
        let output = String::from_utf8(output.stdout).expect("text");
        output.lines().last().and_then(|line| line.trim().parse().ok()).expect("a number")
    }

    /// Makes room again.
    fn empty(&self, name: &str) {
        fs::remove_file(self.place.join(name)).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Its server may take a moment to end.
        drop(Command::new("umount").arg("--lazy").arg(&self.place).status());
        drop(fs::remove_dir(&self.place));
        if let Some(home) = self.place.parent() {
            drop(fs::remove_dir(home));
        }
    }
}

/// Fills the rest once all is prepared and the successor was asked for room, before anything stops.
struct FillsUp<'a>(&'a Disk);

impl ClientPause for FillsUp<'_> {
    fn confirm_lock(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async { Ok(()) })
    }

    fn pause(&self) -> BoxFuture<'_, Result<(), SwitchoverError>> {
        Box::pin(async {
            self.0.fill("the rest", LEFT_MIB);
            Ok(())
        })
    }

    fn redirect(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// Three servers, the second of them with a disk of its own, which has to outlive them.
async fn with_a_disk() -> (Disk, Servers) {
    let mut disk = None;
    let mount = |home: &Path| disk = Some(Disk::mount(&home.join(name(1))));
    let servers = Servers::start_in(ANY, Measures::Nothing, mount).await;
    let disk = disk.expect("it is mounted");
    log_begun(&servers).await;
    (disk, servers)
}

/// Waits until the second server has a record of the file of the log that the copies ended at. It makes that file with the
/// first record in it: 16 MiB, for which there is no room later.
async fn log_begun(servers: &Servers) {
    let message = "SELECT pg_logical_emit_message(true, 'proof', 'begun')::text";
    let written = servers.value(0, message).await.expect("a position in the log");
    let is_there = format!("SELECT (pg_last_wal_replay_lsn() >= '{written}')::text");
    let begun = Instant::now();
    while servers.value(1, &is_there).await.as_deref() != Some("true") {
        assert!(begun.elapsed() < PATIENCE, "{}", servers.log(1));
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_without_room_for_a_promotion_is_refused_with_the_numbers_and_clients_do_not_wait() {
    let (disk, servers) = with_a_disk().await;
    let load = Load::start(servers.client());
    disk.fill("ballast", LEFT_MIB);
    let refused = servers.switch_over(&name(0), &name(1)).await;
    println!("{refused:?}");
    let Err(SwitchoverError::Refused { member, why }) = refused else { panic!("{refused:?}") };
    assert_eq!(member, name(1));
    assert!(why.contains(" MiB are free") && why.contains("needs 32 MiB"), "{why}");
    assert!(!servers.data(0).join("standby.signal").exists(), "it would come back as a standby");
    let leader = servers.leader().await;
    let report = load.finish(&servers).await;
    assert_eq!((leader, report.lost, report.unknown), (0, 0, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_whose_disk_fills_up_on_the_way_gives_the_role_back_and_nothing_is_lost() {
    let (disk, servers) = with_a_disk().await;
    // Most of it: the rest is filled while clients write, and should be quick.
    disk.fill("much", ENOUGH_MIB);
    let load = Load::start(servers.client());
    let gate = FillsUp(&disk);
    let ended = servers
        .adapter()
        .switchover()
        .expect("it switches over")
        .switch_over(&servers.endpoints(), &[], &name(0), &name(1), &gate)
        .await;
    println!("{ended:?}");
    let Err(SwitchoverError::Refused { member, why }) = ended else { panic!("{ended:?}") };
    assert_eq!(member, name(1));
    assert!(why.contains("stopped when it was promoted") && why.contains("MiB are free"), "{why}");
    // While it is as full as before: the other standby is enough for a commit.
    servers.run_sql(0, "INSERT INTO kept VALUES (9, 0)").await;
    disk.empty("the rest");
    disk.empty("much");
    let leader = servers.leader().await;
    let report = load.finish(&servers).await;
    assert_eq!((leader, report.lost), (0, 0), "{report:?}");

    let load = Load::start(servers.client());
    servers.switch_over(&name(0), &name(1)).await.expect("a switchover");
    let leader = servers.leader().await;
    let report = load.finish(&servers).await;
    assert_eq!((leader, report.lost), (1, 0), "{report:?}");
}
