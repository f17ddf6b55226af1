//! TOUCH. A pause of a pooler outlives the process that asked for it. So before poolers are paused, this process starts a
//! second one of its own, the watchdog, which can reach every pooler by itself. The watchdog resumes them when its standard
//! input ends, which is when this process does, however it dies, or when a time limit has passed.
//!
//! This process writes to it, a line each: the poolers (with their passwords: no other process can read a pipe), `stand by`
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

use super::found::{ConsoleAccess, FoundPooler};

/// How long it may take until it has reached every pooler: a process start, and a port-forward and a login for each.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How long clients may be made to wait. A switchover takes less than a second; where there is no primary after this long,
/// an error that clients can see is better than silence. Poolers give up on a waiting client after two minutes
/// (`query_wait_timeout`), applications mostly after 30 s.
const PAUSED_AT_MOST: Duration = Duration::from_secs(20);

/// Between two attempts to resume. Two are made in any case: the last pause that the dead process sent may still arrive.
const RETRY_EVERY: Duration = Duration::from_secs(1);

/// How often it is tried. An API server, and with it every port-forward to the poolers, may be away for minutes. After ten
/// minutes the pooler's pod is gone, or an operator has taken over.
const ATTEMPTS: u32 = 600;

const READY: &str = "ready";
const STAND_BY: &str = "stand by";
const DISMISSED: &str = "dismissed";

/// The watchdog, as this process uses it. When it is dropped without `dismiss`, the watchdog resumes the poolers.
pub(in crate::live) struct Watchdog {
    stdin: Mutex<ChildStdin>,
    process: Child,
}

/// What the watchdog is responsible for.
#[derive(Serialize, Deserialize)]
struct Assignment {
    engine: EngineName,
    namespace: String,
    poolers: Vec<WatchedPooler>,
}

/// A pooler, with what another process needs to control it.
#[derive(Serialize, Deserialize)]
struct WatchedPooler {
    console: ConsoleAccess,
    pools: Vec<String>,
    retry_settings: RetrySettings,
}

impl WatchedPooler {
    fn of(pooler: &FoundPooler) -> Self {
        let PoolerTarget { pools, retry_settings, .. } = pooler.target.clone();
        Self { console: pooler.console.clone(), pools, retry_settings }
    }
}

impl Watchdog {
    /// Starts it and waits until it has reached every pooler.
    pub(in crate::live) async fn start(
        program: &[OsString],
        engine: &EngineProfile,
        namespace: &str,
        poolers: &[FoundPooler],
    ) -> Result<Self, String> {
        let (first, rest) = program.split_first().ok_or("there is no program for it")?;
        // A process group of its own: signals from the terminal (Ctrl-C) must not reach it.
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
        let poolers = poolers.iter().map(WatchedPooler::of).collect();
        let assignment = Assignment { engine: engine.into(), namespace: namespace.to_owned(), poolers };
        watchdog.send(&serde_json::to_string(&assignment).map_err(|error| error.to_string())?).await?;
        let ready = timeout(READY_WITHIN, answer(stdout)).await;
        ready.map_err(|_| format!("it had not reached them within {READY_WITHIN:?}"))??;
        Ok(watchdog)
    }

    /// Says that from now on poolers may be paused.
    pub(in crate::live) async fn stand_by(&self) -> Result<(), String> {
        self.send(STAND_BY).await
    }

    /// Says that nothing is paused any more.
    pub(in crate::live) async fn dismiss(mut self) {
        if self.send(DISMISSED).await.is_ok() {
            let _ = timeout(RETRY_EVERY, self.process.wait()).await; // so that no zombie process is left
        }
    }

    async fn send(&self, line: &str) -> Result<(), String> {
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
        Ok(None) => Err("it ended without an answer".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The watchdog's own process: all it does. It reads `input`, and answers once.
pub async fn watch(cluster: &Cluster, input: impl AsyncRead + Unpin, answer: impl FnOnce(&str)) -> Result<(), String> {
    let mut lines = BufReader::new(input).lines();
    let mut next = async || lines.next_line().await.ok().flatten();
    let assignment = next().await.ok_or("its standard input names no poolers")?;
    let assignment: Assignment =
        serde_json::from_str(&assignment).map_err(|_| "this verb is not for people".to_owned())?;
    let engine = stateful_engines::open(assignment.engine.as_str()).ok_or("this build does not have the engine")?;
    let pooler_control = engine.pooler_control().ok_or("an engine without poolers")?;
    let port_forwards = PortForwards::new(cluster, &assignment.namespace);
    let reached = join_all(
        assignment
            .poolers
            .iter()
            .map(|watched| async { pooler_control.ask(&watched.console.endpoint(&port_forwards).await).await }),
    );
    let lost = reached.await.into_iter().find_map(Result::err).map(|error| error.to_string());
    answer(lost.as_deref().unwrap_or(READY));
    if lost.is_some() || next().await.as_deref() != Some(STAND_BY) {
        return Ok(()); // nothing was paused
    }
    if timeout(PAUSED_AT_MOST, next()).await.ok().flatten().as_deref() == Some(DISMISSED) {
        return Ok(());
    }
    for attempt in 0..ATTEMPTS {
        let resumed = resume(&assignment, pooler_control, &port_forwards).await;
        if resumed && attempt > 0 {
            break;
        }
        sleep(RETRY_EVERY).await;
    }
    Ok(())
}

/// Resumes all; whether that succeeded. A port-forward that broke is opened anew by the next attempt.
async fn resume(assignment: &Assignment, pooler_control: &dyn PoolerControl, port_forwards: &PortForwards) -> bool {
    let each = assignment.poolers.iter().map(|watched| async {
        let WatchedPooler { console, pools, retry_settings } = watched;
        let target = PoolerTarget {
            endpoint: console.endpoint(port_forwards).await,
            pools: pools.clone(),
            retry_settings: retry_settings.clone(),
        };
        pooler_control.resume(&target).await.is_ok()
    });
    join_all(each).await.into_iter().all(|resumed| resumed)
}
