//! TOUCH. A pause of a pooler outlives whoever asked for it. So before one is asked for, a second process of our own is
//! started that can reach every pooler by itself; it resumes them when its standard input ends, which is when this process
//! does, however it dies, or when a limit of time has passed.
//!
//! What it is told, a line each: who the poolers are (with their passwords: a pipe is nobody else's to read), `stand by`
//! when they are about to be paused, `dismissed` when they are known to be resumed. It answers once, `ready`.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};
use stateful_cluster::Cluster;
use stateful_cluster::connection::port_forwards::PortForwards;
use stateful_engines::{PoolerControl, PoolerTarget, RetrySettings};
use stateful_safety::{EngineName, EngineProfile};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use super::found_poolers::{Key, Pooler};

/// How long it may take until it has reached every pooler: a process, a tunnel and a login each.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How long clients may be made to wait. A switchover takes less than a second; where nobody leads after this long, an error
/// that clients can see is better than silence. Poolers give up on a waiting client after two minutes
/// (`query_wait_timeout`), applications mostly after half of one.
const HELD_AT_MOST: Duration = Duration::from_secs(20);

/// Between two attempts to resume. Two are made in any case: what the dead process sent last may still be on its way.
const AGAIN: Duration = Duration::from_secs(1);

/// How often it is tried. An API server, and with it every way to the poolers, may be away for minutes. After ten the pooler's
/// pod is gone, or a human has come.
const ATTEMPTS: u32 = 600;

const READY: &str = "ready";
const STAND_BY: &str = "stand by";
const DISMISSED: &str = "dismissed";

/// The other process, seen from here. Dropped without a word it resumes.
pub(super) struct Watchdog {
    stdin: Mutex<ChildStdin>,
    process: Child,
}

/// Whom it answers for.
#[derive(Serialize, Deserialize)]
struct Charge {
    engine: EngineName,
    namespace: String,
    poolers: Vec<Watched>,
}

/// A pooler, as far as another process can use what is known of it.
#[derive(Serialize, Deserialize)]
struct Watched {
    key: Key,
    pools: Vec<String>,
    patience: RetrySettings,
}

impl Watched {
    fn of(pooler: &Pooler) -> Self {
        let PoolerTarget { pools, retry_settings, .. } = pooler.front.clone();
        Self { key: pooler.key.clone(), pools, patience: retry_settings }
    }
}

impl Watchdog {
    /// Starts it and waits until it has reached every pooler.
    pub(super) async fn start(
        program: &[OsString],
        engine: &EngineProfile,
        namespace: &str,
        poolers: &[Pooler],
    ) -> Result<Self, String> {
        let (first, rest) = program.split_first().ok_or("there is no program for it")?;
        // A group of its own: what a terminal sends to this process, Ctrl-C for one, is not meant for it.
        let mut process = Command::new(first)
            .args(rest)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("it has no pipes".to_owned());
        };
        let watchdog = Self { stdin: Mutex::new(stdin), process };
        let poolers = poolers.iter().map(Watched::of).collect();
        let charge = Charge { engine: engine.into(), namespace: namespace.to_owned(), poolers };
        watchdog.tell(&serde_json::to_string(&charge).map_err(|error| error.to_string())?).await?;
        let ready = timeout(READY_WITHIN, answer(stdout)).await;
        ready.map_err(|_| format!("it had not reached them within {READY_WITHIN:?}"))??;
        Ok(watchdog)
    }

    /// From now on there may be something to resume.
    pub(super) async fn stand_by(&self) -> Result<(), String> {
        self.tell(STAND_BY).await
    }

    /// Nothing is paused any more.
    pub(super) async fn dismiss(mut self) {
        if self.tell(DISMISSED).await.is_ok() {
            let _ = timeout(AGAIN, self.process.wait()).await; // so that nothing is left of it
        }
    }

    async fn tell(&self, line: &str) -> Result<(), String> {
        let mut stdin = self.stdin.lock().await;
        let gone = |error: std::io::Error| format!("it is gone: {error}");
        stdin.write_all(format!("{line}\n").as_bytes()).await.map_err(gone)?;
        stdin.flush().await.map_err(gone)
    }
}

async fn answer(stdout: ChildStdout) -> Result<(), String> {
    match BufReader::new(stdout).lines().next_line().await {
        Ok(Some(line)) if line == READY => Ok(()),
        Ok(Some(line)) => Err(line),
        Ok(None) => Err("it ended without a word".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The other process: all it does. It is told over `told`, and answers once.
pub async fn watch(cluster: &Cluster, told: impl AsyncRead + Unpin, answer: impl FnOnce(&str)) -> Result<(), String> {
    let mut lines = BufReader::new(told).lines();
    let mut next = async || lines.next_line().await.ok().flatten();
    let charge = next().await.ok_or("nobody says whom to watch")?;
    let charge: Charge = serde_json::from_str(&charge).map_err(|_| "this verb is not for people".to_owned())?;
    let engine = stateful_engines::open(charge.engine.as_str()).ok_or("an engine nobody knows")?;
    let pooler_control = engine.pooler_control().ok_or("an engine without poolers")?;
    let port_forwards = PortForwards::new(cluster, &charge.namespace);
    let reached = join_all(
        charge
            .poolers
            .iter()
            .map(|watched| async { pooler_control.ask(&watched.key.endpoint(&port_forwards).await).await }),
    );
    let lost = reached.await.into_iter().find_map(Result::err).map(|error| error.to_string());
    answer(lost.as_deref().unwrap_or(READY));
    if lost.is_some() || next().await.as_deref() != Some(STAND_BY) {
        return Ok(()); // nothing was ever paused
    }
    if timeout(HELD_AT_MOST, next()).await.ok().flatten().as_deref() == Some(DISMISSED) {
        return Ok(());
    }
    for attempt in 0..ATTEMPTS {
        let resumed = resume(&charge, pooler_control, &port_forwards).await;
        if resumed && attempt > 0 {
            break;
        }
        sleep(AGAIN).await;
    }
    Ok(())
}

/// Resumes all; whether that went well. An open tunnel that broke is dug anew by the next attempt.
async fn resume(charge: &Charge, pooler_control: &dyn PoolerControl, port_forwards: &PortForwards) -> bool {
    let each = charge.poolers.iter().map(|watched| async {
        let Watched { key, pools, patience } = watched;
        let front = PoolerTarget {
            endpoint: key.endpoint(port_forwards).await,
            pools: pools.clone(),
            retry_settings: patience.clone(),
        };
        pooler_control.resume(&front).await.is_ok()
    });
    join_all(each).await.into_iter().all(|resumed| resumed)
}
