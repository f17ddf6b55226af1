//! An authority, a certificate of it for all three servers, and another authority that no server trusts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use stateful_engines::Tls;

const KEY: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

/// Where they are, in PEM.
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) stranger: PathBuf,
    /// What the servers show.
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    names: Vec<String>,
}

impl Certificates {
    /// For servers of these names and addresses.
    pub(crate) fn make(home: &Path, servers: &[(String, String)]) -> Self {
        for authority in ["authority", "stranger"] {
            openssl(home, &["req", "-x509", "-subj", &format!("/CN={authority}")], authority);
        }
        let names: Vec<String> = servers.iter().map(|(name, address)| format!("DNS:{name},IP:{address}")).collect();
        fs::write(home.join("names"), format!("subjectAltName={}\n", names.join(","))).expect("a file");
        openssl(home, &["req", "-subj", "/O=proof/OU=members/CN=member"], "server");
        let sign = ["x509", "-req", "-in", "server.crt", "-CA", "authority.crt", "-CAkey", "authority.key"];
        let signed = Command::new("openssl")
            .current_dir(home)
            .args(sign)
            .args(["-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "signed.crt"])
            .stderr(Stdio::null())
            .status();
        assert!(signed.is_ok_and(|status| status.success()), "it is not signed");
        let at = |file: &str| home.join(file);
        Self {
            authority: at("authority.crt"),
            stranger: at("stranger.crt"),
            certificate: at("signed.crt"),
            key: at("server.key"),
            names: servers.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// The settings of a client that trusts that authority, and shows the servers' own certificate.
    pub(crate) fn settings(&self, authority: &Path) -> Tls {
        let read = |path: &Path| fs::read(path).expect("a file");
        let own = (&read(&self.certificate)[..], &read(&self.key)[..]);
        Tls::new(&read(authority), Some(own), &self.names).expect("settings")
    }
}

/// Makes a key and what is asked for with it.
fn openssl(home: &Path, words: &[&str], file: &str) {
    let (key, made) = (format!("{file}.key"), format!("{file}.crt"));
    let done = Command::new("openssl")
        .current_dir(home)
        .args(words)
        .args(KEY.iter().filter(|word| words.contains(&"-x509") || !["-days", "2"].contains(word)))
        .args(["-keyout", &key, "-out", &made])
        .stderr(Stdio::null())
        .status();
    assert!(done.is_ok_and(|status| status.success()), "openssl made no {file}");
}
