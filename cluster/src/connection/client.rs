//! The client of the API server, configured by kubectl's own flags.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use kube::client::ClientBuilder;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use stateful_safety::EngineProfiles;
use tokio::time::timeout;
use tower::BoxError;
use tower::util::MapFutureLayer;

use super::{Error, Result};

/// How long the API server may take to begin an answer. It ends a request itself after 60 s (`--request-timeout` of
/// kube-apiserver); watches and port-forwards are exempt, but answer at once. Without this limit a network that drops packets
/// would block a command until TCP gives up, after some 15 minutes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(65);

/// kubectl's client flags: which API server, and as which user.
#[derive(Debug, Clone, Default)]
pub struct ClientOptions {
    /// `--kubeconfig`; else `$KUBECONFIG`, else `~/.kube/config`, else the pod's own service account.
    pub kubeconfig: Option<PathBuf>,
    /// `--context`
    pub context: Option<String>,
    /// `--cluster`
    pub cluster: Option<String>,
    /// `--user`
    pub user: Option<String>,
    /// `-n/--namespace`
    pub namespace: Option<String>,
    /// `-s/--server`
    pub server: Option<String>,
    /// `--request-timeout`
    pub request_timeout: Option<Duration>,
    /// `--as`
    pub impersonate: Option<String>,
    /// `--as-group`
    pub impersonate_groups: Vec<String>,
    /// `--as-uid`
    pub impersonate_uid: Option<String>,
    /// `--as-user-extra`, as `key=value`
    pub impersonate_extra: Vec<String>,
    /// `--token`
    pub token: Option<String>,
    /// `--certificate-authority`
    pub certificate_authority: Option<PathBuf>,
    /// `--client-certificate`
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`
    pub client_key: Option<PathBuf>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--insecure-skip-tls-verify`
    pub insecure: bool,
    /// `--disable-compression`
    pub disable_compression: bool,
}

/// A cluster, with a client for its API server.
#[derive(Clone)]
pub struct Cluster {
    pub(crate) client: Client,
    /// The namespace of this command: `--namespace`, else the kubeconfig's.
    pub namespace: String,
    /// The namespace of the kubeconfig, which a command printed for the user need not name.
    pub home: String,
    /// Whether this process runs in a pod of the cluster; then it connects to pods without port-forwards.
    pub inside: bool,
    /// The engines whose databases are recognised.
    pub(crate) profiles: EngineProfiles,
}

/// Makes the client, which recognises databases of these engines. Nothing is asked of the API server yet.
pub async fn connect(options: &ClientOptions, profiles: EngineProfiles) -> Result<Cluster> {
    let (mut config, inside) = configuration(options).await?;
    apply(options, &mut config)?;
    // The caller decides whether to retry: an eviction that is refused (429) has to be reported, not repeated silently.
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(10));
    let home = config.default_namespace.clone();
    let namespace = options.namespace.clone().unwrap_or_else(|| home.clone());
    let limit = options.request_timeout.filter(|limit| !limit.is_zero()).unwrap_or(ANSWERED_WITHIN);
    let builder = ClientBuilder::try_from(config).map_err(|error| Error::Config(error.to_string()))?;
    let client = builder.with_layer(&MapFutureLayer::new(move |answer| begun_within(limit, answer))).build();
    Ok(Cluster { client, namespace, home, inside, profiles })
}

/// The answer, or an error when it does not begin in time.
async fn begun_within<T>(limit: Duration, answer: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    match timeout(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("it has not answered for {} s", limit.as_secs()).into()),
    }
}

async fn configuration(options: &ClientOptions) -> Result<(Config, bool)> {
    let choice = KubeConfigOptions {
        context: options.context.clone(),
        cluster: options.cluster.clone(),
        user: options.user.clone(),
    };
    let unusable = |error: kube::config::KubeconfigError| Error::Config(error.to_string());
    if let Some(path) = &options.kubeconfig {
        let kubeconfig = Kubeconfig::read_from(path).map_err(unusable)?;
        return Config::from_custom_kubeconfig(kubeconfig, &choice)
            .await
            .map(|config| (config, false))
            .map_err(unusable);
    }
    match Config::from_kubeconfig(&choice).await {
        Ok(config) => Ok((config, false)),
        // A pod has no kubeconfig but a service account.
        Err(error) => match Config::incluster() {
            Ok(config) if options.context.is_none() => Ok((config, true)),
            _ => Err(unusable(error)),
        },
    }
}

fn apply(options: &ClientOptions, config: &mut Config) -> Result<()> {
    if let Some(server) = &options.server {
        config.cluster_url = server.parse().map_err(|error| Error::Config(format!("--server {server}: {error}")))?;
    }
    if let Some(limit) = options.request_timeout.filter(|limit| !limit.is_zero()) {
        config.connect_timeout = Some(limit);
        config.write_timeout = Some(limit);
    }
    if let Some(path) = &options.certificate_authority {
        config.root_cert = None;
        config.root_cert_file = Some(path.clone());
    }
    let auth = &mut config.auth_info;
    if let Some(user) = &options.impersonate {
        auth.impersonate = Some(user.clone());
    } else if !options.impersonate_groups.is_empty() || options.impersonate_uid.is_some() {
        return Err(Error::Config("--as-group and --as-uid need --as".to_owned()));
    }
    if !options.impersonate_groups.is_empty() {
        auth.impersonate_groups = Some(options.impersonate_groups.clone());
    }
    auth.impersonate_uid = options.impersonate_uid.clone().or(auth.impersonate_uid.take());
    for pair in &options.impersonate_extra {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| Error::Config(format!("--as-user-extra {pair}: want key=value")))?;
        let extra = auth.impersonate_user_extra.get_or_insert_with(HashMap::new);
        extra.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    if let Some(token) = &options.token {
        auth.token = Some(token.clone().into());
        auth.token_file = None;
    }
    let path = |path: &PathBuf| path.display().to_string();
    if let (Some(certificate), Some(key)) = (&options.client_certificate, &options.client_key) {
        auth.client_certificate = Some(path(certificate));
        auth.client_key = Some(path(key));
        auth.client_certificate_data = None;
        auth.client_key_data = None;
    }
    config.tls_server_name = options.tls_server_name.clone().or(config.tls_server_name.take());
    config.accept_invalid_certs |= options.insecure;
    config.disable_compression |= options.disable_compression;
    Ok(())
}

/// LOOK. The API server's version, as it gives it (`v1.34.4`).
pub async fn read_server_version(cluster: &Cluster) -> Result<String> {
    Ok(cluster.client.apiserver_version().await?.git_version)
}
