//! Where a member is and as whom one may speak to it.

use std::sync::Arc;

use crate::ServerError;
use crate::tls::TlsError;

/// A member of a database and the way in to it, if there is one now.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The member's name, as the judge and people use it.
    pub member: String,
    /// Identity of this incarnation: a member reborn under its name has another.
    pub incarnation: String,
    /// The address its peers and its clients know it by.
    pub address: Option<String>,
    /// Paths on its file system that outlive its pod.
    pub kept: Vec<String>,
    /// How to reach it from here, or why one cannot.
    pub way: Result<DialConfig, String>,
}

impl Endpoint {
    /// How to reach it.
    pub(crate) fn dial(&self) -> Result<&DialConfig, ServerError> {
        self.way.as_ref().map_err(|why| ServerError::NoEndpoint(why.clone()))
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

/// A way in: where to dial, how to encrypt, who to be.
#[derive(Debug, Clone)]
pub struct DialConfig {
    /// Host to dial: the member itself, or this end of a tunnel to it.
    pub host: String,
    /// Port to dial.
    pub port: u16,
    /// TLS settings, when the server speaks TLS.
    pub tls: Option<Tls>,
    /// Who to be.
    pub credentials: Credentials,
}

/// TLS towards one member: always verified.
#[derive(Clone)]
pub struct Tls {
    /// The name the server's certificate must bear; through a tunnel it differs from the host dialled.
    pub server_name: String,
    /// The trusted authorities and the client's own certificate.
    pub config: Arc<rustls::ClientConfig>,
    /// Whether that certificate is who one is, where the server takes no password.
    pub logs_in: bool,
}

impl Tls {
    /// Settings that trust `authority` alone and accept a certificate for any of `names`: through a tunnel the name
    /// dialled is never the server's, so the names the member goes by are checked instead. All in PEM.
    pub fn new(authority: &[u8], identity: Option<(&[u8], &[u8])>, names: &[String]) -> Result<Self, TlsError> {
        crate::tls::settings(authority, identity, names)
    }
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
    use super::{Credentials, Secret};

    #[test]
    fn a_secret_is_never_printed() {
        let credentials =
            Credentials { username: Some("admin".to_owned()), password: Some(Secret::new("hunter2".to_owned())) };
        assert!(!format!("{credentials:?}").contains("hunter2"));
    }
}
