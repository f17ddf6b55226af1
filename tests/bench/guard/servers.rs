//! Who is measured: built, started, and ended with whoever started them.

use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use stateful_harness::{Cluster, until};
use tokio::process::{Child, Command};

use super::certificate::Certificate;
use super::line::{Endpoint, Line, post};

/// The version of Gatekeeper, from the Go module proxy.
pub(crate) const GATEKEEPER: &str = "github.com/open-policy-agent/gatekeeper/v3@v3.23.1";

/// A first list of a busy cluster, a template compiled.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// The repository, and where binaries of this bench go.
pub(crate) fn root() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the repository")?.to_owned())
}

/// Builds the guard as its image holds it: release, static; or takes the one `GUARD_BINARY` names.
pub(crate) async fn guard() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("GUARD_BINARY") {
        return Ok(binary.into());
    }
    let root = root()?;
    built(&root, &root.join("Cargo.toml"), &root.join("target"), "stateful-webhook").await
}

/// Builds the guard's own server stack with nothing behind it, in the same way.
pub(crate) async fn echo() -> Result<PathBuf> {
    let root = root()?;
    built(&root, &root.join("tests/bench/guard/peers/echo/Cargo.toml"), &root.join("target/bench/echo"), "echo").await
}

async fn built(root: &Path, manifest: &Path, target: &Path, package: &str) -> Result<PathBuf> {
    let told = Command::new("rustc").arg("-vV").output().await?;
    let told = String::from_utf8(told.stdout)?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let mut cargo = Command::new("nice");
    cargo.args(["cargo", "build", "--quiet", "--release", "--target", host, "--package", package]);
    cargo.arg("--manifest-path").arg(manifest).arg("--target-dir").arg(target);
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static").current_dir(root);
    ran(cargo).await?;
    Ok(target.join(host).join("release").join(package))
}

/// Builds the ordinary answer: Go, controller-runtime.
pub(crate) async fn hello() -> Result<PathBuf> {
    let (folder, binary) = (root()?.join("tests/bench/guard/peers/hello"), root()?.join("target/bench/hello"));
    let mut go = Command::new("nice");
    go.args(["go", "build", "-o"]).arg(&binary).arg(".").current_dir(folder).env("CGO_ENABLED", "0");
    ran(go).await?;
    Ok(binary)
}

/// Builds Gatekeeper; returns it with the folder of its source, where its CRDs are.
pub(crate) async fn gatekeeper() -> Result<(PathBuf, PathBuf)> {
    let bin = root()?.join("target/bench");
    fs::create_dir_all(&bin)?;
    let mut go = Command::new("nice");
    go.args(["go", "install", GATEKEEPER]).env("GOBIN", &bin).env("CGO_ENABLED", "0").current_dir("/");
    ran(go).await?;
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json", GATEKEEPER]).current_dir("/");
    let told: serde_json::Value = serde_json::from_str(&ran(go).await?)?;
    let source = told["Dir"].as_str().context("go does not say where the source is")?;
    // `go install` names a binary after the last word of its module, which is a version here.
    Ok((bin.join("gatekeeper"), source.into()))
}

async fn ran(mut command: Command) -> Result<String> {
    let ended = command.kill_on_drop(true).output().await.with_context(|| format!("{command:?}"))?;
    ensure!(ended.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ended.stderr).trim());
    Ok(String::from_utf8(ended.stdout)?)
}

/// A server that runs.
pub(crate) struct Running {
    child: Child,
    pub(crate) endpoint: Endpoint,
    /// Where reviews of evictions go.
    pub(crate) path: &'static str,
    /// From its start until it said that it is ready.
    pub(crate) ready_after: Duration,
}

impl Running {
    /// Starts the guard. Its certificate is mounted, not its own: so it tells no webhook configuration of this cluster
    /// whom to trust, and another guard that is installed is left alone.
    pub(crate) async fn guard(binary: &Path, site: &Site<'_>) -> Result<Self> {
        let (listen, observe) = (site.free()?, free(IpAddr::from([127, 0, 0, 1]))?);
        let mut command = Command::new(binary);
        command.arg(format!("--listen={listen}")).arg(format!("--observe={observe}"));
        command.arg(format!("--namespace={}", site.namespace)).arg("--name=bench-guard");
        command.arg("--certificates").arg(&site.certificate.directory);
        command.arg("--kubeconfig").arg(site.cluster.kubeconfig()).env("STATEFUL_LOG", "error");
        Self::start("guard", command, site, listen, "/validate/evictions", Some((observe, "/readyz"))).await
    }

    /// Starts the echo.
    pub(crate) async fn echo(binary: &Path, site: &Site<'_>) -> Result<Self> {
        let listen = site.free()?;
        let mut command = Command::new(binary);
        let files = &site.certificate.directory;
        command.arg(listen.to_string()).arg(files.join("tls.crt")).arg(files.join("tls.key"));
        Self::start("echo", command, site, listen, "/validate/evictions", None).await
    }

    /// Starts the webhook of controller-runtime.
    pub(crate) async fn hello(binary: &Path, site: &Site<'_>) -> Result<Self> {
        let listen = site.free()?;
        let mut command = Command::new(binary);
        command.arg(listen.to_string()).arg(&site.certificate.directory);
        Self::start("hello", command, site, listen, "/validate/evictions", None).await
    }

    /// Starts Gatekeeper: its webhook and what it needs to take a rule, no audit.
    pub(crate) async fn gatekeeper(binary: &Path, site: &Site<'_>) -> Result<Self> {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let (listen, health, metrics) = (site.free()?, free(loopback)?, free(loopback)?);
        let mut command = Command::new(binary);
        // `generate` makes the CRD of a template.
        command.args([
            "--operation=webhook",
            "--operation=generate",
            "--disable-cert-rotation",
            "--debug-use-fake-pod",
            "--log-level=ERROR",
        ]);
        command.arg(format!("--host={}", listen.ip())).arg(format!("--port={}", listen.port()));
        command.arg(format!("--health-addr={health}")).arg(format!("--prometheus-port={}", metrics.port()));
        command.arg("--cert-dir").arg(&site.certificate.directory);
        command.env("KUBECONFIG", site.cluster.kubeconfig()).env("POD_NAMESPACE", site.namespace);
        command.env("POD_NAME", "bench-gatekeeper");
        Self::start("gatekeeper", command, site, listen, "/v1/admit", Some((health, "/readyz"))).await
    }

    async fn start(
        name: &str,
        mut command: Command,
        site: &Site<'_>,
        listen: SocketAddr,
        path: &'static str,
        ready: Option<(SocketAddr, &'static str)>,
    ) -> Result<Self> {
        let log = fs::File::create(root()?.join(format!("target/bench/{name}.log")))?;
        let started = Instant::now();
        let child = command.kill_on_drop(true).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let endpoint = Endpoint { address: listen, tls: Arc::clone(&site.certificate.client) };
        let mut running = Self { child, endpoint, path, ready_after: Duration::ZERO };
        loop {
            let is_ready = match ready {
                Some((address, path)) => says_ok(address, path).await,
                None => tokio::net::TcpStream::connect(listen).await.is_ok(),
            };
            if is_ready {
                running.ready_after = started.elapsed();
                return Ok(running);
            }
            if let Some(status) = running.child.try_wait()? {
                bail!("{name} ended with {status}: see target/bench/{name}.log");
            }
            ensure!(started.elapsed() < READY_WITHIN, "{name} is not ready after {READY_WITHIN:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until it lets a review pass: what it needs to know about the pod, it knows.
    pub(crate) async fn allows(&self, review: &str) -> Result<()> {
        until("the webhook allows the eviction", READY_WITHIN, async || {
            let reply = Line::open(&self.endpoint)?.ask(&post(self.path, review))?;
            ensure!(reply.is_yes(), "{}", reply.text());
            Ok(())
        })
        .await
    }

    /// Its number among processes.
    pub(crate) fn process(&self) -> Result<u32> {
        self.child.id().context("it has ended")
    }

    /// What it holds of memory now, and what it held at most, in MiB.
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        let id = self.process()?;
        let told = fs::read_to_string(format!("/proc/{id}/status"))?;
        let field = |name: &str| {
            let line = told.lines().find_map(|line| line.strip_prefix(name)).context("no such field")?;
            let kib: u32 = line.trim().trim_end_matches(" kB").trim().parse()?;
            Ok::<f64, anyhow::Error>(f64::from(kib) / 1024.0)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// Ends it and waits until it is gone.
    pub(crate) async fn end(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// Where servers of this bench run.
pub(crate) struct Site<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) namespace: &'a str,
    pub(crate) certificate: &'a Certificate,
    /// This machine's address as the API server sees it.
    pub(crate) address: IpAddr,
}

impl Site<'_> {
    fn free(&self) -> Result<SocketAddr> {
        free(self.address)
    }
}

/// A port nobody has.
fn free(address: IpAddr) -> Result<SocketAddr> {
    Ok(TcpListener::bind((address, 0))?.local_addr()?)
}

async fn says_ok(address: SocketAddr, path: &str) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(address).await?;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n").as_bytes()).await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        Ok::<bool, std::io::Error>(head.ends_with(b"200"))
    };
    ask.await.unwrap_or(false)
}
