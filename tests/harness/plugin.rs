//! The plugin, run as a user runs it: a process with arguments, two streams and an exit code.

use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::repository;
use crate::{Cluster, Namespace};

/// No law needs longer, and a plugin that hangs must fail its law instead of stopping all of them.
const PATIENCE: Duration = Duration::from_mins(5);

/// The binary, and the namespace that it works in.
#[derive(Debug, Clone)]
pub struct Plugin {
    binary: PathBuf,
    kubeconfig: PathBuf,
    namespace: Option<String>,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// The result.
    pub stdout: String,
    /// The progress, and what went wrong.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Plugin {
    /// The binary of this build, or the one `KUBECTL_STATEFUL` names.
    pub fn find(cluster: &Cluster) -> Result<Self> {
        let built = || repository().join("target/debug/kubectl-stateful");
        let binary = env::var_os("KUBECTL_STATEFUL").map_or_else(built, PathBuf::from);
        ensure!(binary.exists(), "there is no {}: run `cargo build -p kubectl-stateful` first", binary.display());
        Ok(Self { binary, kubeconfig: cluster.kubeconfig().to_owned(), namespace: None })
    }

    /// Whether it is optimised, as people install it: by the folder that cargo put it into.
    pub fn is_optimised(&self) -> bool {
        self.binary.components().any(|folder| folder.as_os_str() == "release")
    }

    /// The same, working in a namespace.
    #[must_use]
    pub fn within(mut self, namespace: &Namespace) -> Self {
        self.namespace = Some(namespace.name().to_owned());
        self
    }

    /// The same, with another kubeconfig: other rights, other contexts.
    #[must_use]
    pub fn with_kubeconfig(mut self, kubeconfig: PathBuf) -> Self {
        self.kubeconfig = kubeconfig;
        self
    }

    /// The process, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env("KUBECONFIG", &self.kubeconfig).env("NO_COLOR", "1").args(args).kill_on_drop(true);
        if let Some(namespace) = &self.namespace {
            command.args(["--namespace", namespace]);
        }
        command
    }

    /// Runs it to its end.
    pub async fn run(&self, args: &[&str]) -> Result<Ended> {
        self.start(args)?.end().await
    }

    /// Starts it. Its progress can be followed, and it can be killed at any line.
    pub fn start(&self, args: &[&str]) -> Result<Running> {
        let mut child = self
            .command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", self.binary.display()))?;
        let mut out = child.stdout.take().context("a pipe was asked for")?;
        let stderr = child.stderr.take().context("a pipe was asked for")?;
        // Read all the time, since a full pipe would stop the plugin.
        let stdout = tokio::spawn(async move {
            let mut text = String::new();
            out.read_to_string(&mut text).await.map(|_| text)
        });
        Ok(Running {
            child,
            lines: BufReader::new(stderr).lines(),
            printed: String::new(),
            stdout,
            started: Instant::now(),
        })
    }
}

/// The plugin, running.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    printed: String,
    stdout: JoinHandle<std::io::Result<String>>,
    started: Instant,
}

impl Running {
    /// The next line of progress that is JSON and passes; `None` when the plugin ends before.
    pub async fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Option<Value>> {
        timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await? {
                self.printed.push_str(&line);
                self.printed.push('\n');
                if let Ok(event) = serde_json::from_str::<Value>(&line)
                    && wanted(&event)
                {
                    return Ok(Some(event));
                }
            }
            Ok(None)
        })
        .await
        .with_context(|| format!("the plugin hangs; it has printed:\n{}", self.printed))?
    }

    /// Waits until a step has begun to act.
    pub async fn step_started(&mut self, step: u64) -> Result<Value> {
        let found = self.event(|event| event["event"] == "stepStarted" && event["step"] == step).await?;
        found.with_context(|| format!("it ended before step {step}:\n{}", self.printed))
    }

    /// Waits until a switchover has begun to act: by then the journal has recorded it.
    pub async fn switchover_started(&mut self) -> Result<()> {
        let is_switchover = |event: &Value| event["text"].as_str().is_some_and(|text| text.starts_with("switch over"));
        let found = self.event(|event| event["event"] == "stepStarted" && is_switchover(event)).await?;
        found.map(drop).with_context(|| format!("it ended without a switchover:\n{}", self.printed))
    }

    /// Kills it: nothing is printed any more, and nothing cleaned up.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Interrupts it, as a user does with Ctrl-C, and waits for its end.
    pub async fn interrupt(self) -> Result<Ended> {
        let id = self.child.id().context("it has ended before")?;
        let sent = Command::new("kill").args(["-INT", &id.to_string()]).status().await?;
        ensure!(sent.success(), "the signal was not sent");
        self.end().await
    }

    /// Waits for its end.
    pub async fn end(mut self) -> Result<Ended> {
        self.event(|_| false).await?;
        let status =
            timeout(PATIENCE, self.child.wait()).await.context("it has closed its output and goes on running")??;
        let stdout = self.stdout.await??;
        Ok(Ended { code: status.code(), stdout, stderr: self.printed, took: self.started.elapsed() })
    }
}

impl Ended {
    /// The result, where it is JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("this is no JSON: {}", self.stdout))
    }

    /// Fails with everything that was printed unless the exit code is this one.
    pub fn expect(self, code: i32) -> Result<Self> {
        ensure!(self.code == Some(code), "exit code {:?}, wanted {code}\n{self}", self.code);
        Ok(self)
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--- stdout\n{}--- stderr\n{}", self.stdout, self.stderr)
    }
}
