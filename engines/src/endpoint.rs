//! Where a member can be reached, and with which credentials.

use std::sync::Arc;

use stateful_safety::StartScripts;

use crate::ServerError;

/// A member of a database and how to connect to it, if that is possible now.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The member's name, as the judge and people use it.
    pub member: String,
    /// Identity of this incarnation (the pod's UID): a new pod of the same name has another.
    pub incarnation: String,
    /// The address its peers and its clients know it by.
    pub address: Option<String>,
    /// Paths on its file system that outlive its pod.
    pub kept: Vec<String>,
    /// What runs each time it starts.
    pub starts: Arc<StartScripts>,
    /// How to reach it from here, or why it cannot be reached.
    pub dial_config: Result<DialConfig, String>,
}

impl Endpoint {
    /// How to reach it.
    pub(crate) fn dial_config(&self) -> Result<&DialConfig, ServerError> {
        self.dial_config.as_ref().map_err(|why| ServerError::NoEndpoint(why.clone()))
    }

    /// Whether a host, as the database's own lists name it, is this member: by its address, or by its DNS name.
    pub fn is_at(&self, host: &str) -> bool {
        is_at(&self.member, self.address.as_deref(), host)
    }
}

/// Whether a host is a member of that name at that address: servers list each other by address, or by a DNS name whose
/// first label is the member's.
pub(crate) fn is_at(member: &str, address: Option<&str>, host: &str) -> bool {
    address == Some(host) || host.split('.').next() == Some(member)
}

/// A directory, unless it is one of these paths that outlive a pod or below one.
pub(crate) fn directory_off_volumes(directory: &str, kept: &[String]) -> Option<String> {
    let whole = format!("{}/", directory.trim_end_matches('/'));
    let is_kept = kept.iter().any(|path| whole.starts_with(&format!("{}/", path.trim_end_matches('/'))));
    (!is_kept).then(|| directory.to_owned())
}

/// How to connect to a server: where to dial, how to encrypt, with which credentials.
#[derive(Debug, Clone)]
pub struct DialConfig {
    /// Host to dial: the member itself, or this end of a tunnel to it.
    pub host: String,
    /// Port to dial.
    pub port: u16,
    /// TLS settings, when the server speaks TLS.
    pub tls: Option<Tls>,
    /// The user and password to log in with.
    pub credentials: Credentials,
}

/// TLS towards one member: always verified.
#[derive(Clone)]
pub struct Tls {
    /// The name the server's certificate must bear; through a tunnel it differs from the host dialled.
    pub server_name: String,
    /// The trusted authorities and the client's own certificate.
    pub config: Arc<rustls::ClientConfig>,
    /// Whether the server takes the client's certificate instead of a user and password.
    pub logs_in: bool,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

/// User and password; either may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The user, when the server knows users.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

/// A text that is never printed, logged or put into an argument.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the driver alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Secret, directory_off_volumes};

    #[test]
    fn a_directory_is_kept_at_and_below_a_volume() {
        let lost = |directory: &str, kept: &[&str]| {
            let kept: Vec<String> = kept.iter().map(|path| (*path).to_owned()).collect();
            directory_off_volumes(directory, &kept).is_some()
        };
        assert!(
            !lost("/data", &["/data/"]) && !lost("/data/", &["/data"]) && !lost("/data/db", &["/backup/", "/data/"])
        );
        assert!(lost("/database", &["/data/"]) && lost("/", &["/data/"]) && lost("/data", &["/data/db/"]));
        assert!(lost("/data", &[]), "no volume at all");
    }

    #[test]
    fn a_secret_is_never_printed() {
        let credentials =
            Credentials { username: Some("admin".to_owned()), password: Some(Secret::new("hunter2".to_owned())) };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
