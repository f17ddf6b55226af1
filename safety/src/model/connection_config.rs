//! How one gets into a database: what its container says, and what an engine reads out of that.

use std::collections::BTreeMap;

/// What a container declares about itself, in plain words. Values of secrets are not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContainerFacts {
    /// Command and arguments, in order.
    pub args: Vec<String>,
    /// Names and, where they are written in the pod itself, values of its environment.
    pub env: BTreeMap<String, Option<String>>,
    /// Secrets whose keys all are variables of its environment (`envFrom`).
    pub secrets_from: Vec<String>,
    /// Its declared ports, by name (or number where unnamed).
    pub ports: BTreeMap<String, u16>,
    /// Text files it mounts from ConfigMaps, by path.
    pub files: BTreeMap<String, String>,
    /// Paths it mounts from claims: what is there outlives the pod.
    pub kept: Vec<String>,
    /// Annotations of the workload that begin with `kubectl-stateful.dev/`, without that beginning.
    pub annotations: BTreeMap<String, String>,
}

impl ContainerFacts {
    /// An annotation of ours.
    pub fn note(&self, name: &str) -> Option<&str> {
        self.annotations.get(name).map(String::as_str)
    }

    /// What an annotation says, as it stands there.
    pub fn text_noted(&self, annotation: &str) -> Option<SecretSource> {
        self.note(annotation).map(|text| SecretSource::Text(text.to_owned()))
    }

    /// The value of a variable, where it is written in the pod itself.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name)?.as_deref()
    }

    /// The password in the Secret that an annotation names as `NAME/KEY`; the key is `password` where none is named.
    pub fn password_noted(&self, annotation: &str) -> Option<SecretSource> {
        let noted = self.note(annotation)?;
        let (name, key) = noted.split_once('/').unwrap_or((noted, "password"));
        Some(SecretSource::Secret(name.to_owned(), key.to_owned()))
    }

    /// A key of the Secret that an annotation names.
    pub fn key_noted(&self, annotation: &str, key: &str) -> Option<SecretSource> {
        Some(SecretSource::Secret(self.note(annotation)?.to_owned(), key.to_owned()))
    }
}

/// How to get in, as an engine reads it from the facts. The secrets are still only named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// The port the server listens on.
    pub port: u16,
    /// TLS, when the server speaks it.
    pub tls: Option<TlsFiles>,
    /// Where the name of the user to be is.
    pub username: Option<SecretSource>,
    /// Where the password is.
    pub password: Option<SecretSource>,
}

/// Where TLS material is, as paths inside the container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that signed the servers.
    pub authority: Option<SecretSource>,
    /// A client certificate, where the servers ask for one.
    pub certificate: Option<SecretSource>,
    /// Its key.
    pub key: Option<SecretSource>,
    /// The name the servers' certificates bear, where it is none of the pods' own.
    pub server_name: Option<String>,
    /// Whether the client certificate is who one is: the servers take no password.
    pub logs_in: bool,
}

/// Where a secret text is.
#[derive(Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In an environment variable of the container, itself a reference to a Secret or a value.
    Env(String),
    /// In a file the container mounts from a Secret.
    File(String),
    /// In a Secret of the namespace, by name and key: an annotation said so.
    Secret(String, String),
    /// In plain sight: an argument or a ConfigMap holds it.
    Text(String),
}

impl std::fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {path}"),
            Self::Secret(name, key) => write!(f, "key {key} of Secret {name}"),
            Self::Text(_) => f.write_str("(secret in plain sight)"),
        }
    }
}
