//! An authority, a certificate of its for all three servers, and another authority nobody trusts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use stateful_engines::Tls;

use crate::servers::{address, name};

const KEY: &[&str] = &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

/// Where they are, in PEM.
pub(crate) struct Certificates {
    pub(crate) authority: PathBuf,
    pub(crate) stranger: PathBuf,
    /// Certificate and key in one file, as the server wants it.
    pub(crate) server: PathBuf,
}

impl Certificates {
    pub(crate) fn make(home: &Path) -> Self {
        for authority in ["authority", "stranger"] {
            openssl(home, &["req", "-x509", "-subj", &format!("/CN={authority}")], authority);
        }
        let names: Vec<String> = (0..3).map(|number| format!("DNS:{},IP:{}", name(number), address(number))).collect();
        fs::write(home.join("names"), format!("subjectAltName={}\n", names.join(","))).expect("a file");
        openssl(home, &["req", "-subj", "/O=proof/OU=members/CN=mongo"], "server");
        let sign = ["x509", "-req", "-in", "server.crt", "-CA", "authority.crt", "-CAkey", "authority.key"];
        let signed = Command::new("openssl")
            .current_dir(home)
            .args(sign)
            .args(["-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "signed.crt"])
            .stderr(Stdio::null())
            .status();
        assert!(signed.is_ok_and(|status| status.success()), "it is not signed");
        let both = [fs::read(home.join("signed.crt")), fs::read(home.join("server.key"))];
        let both: Vec<u8> = both.into_iter().flat_map(|file| file.expect("a file")).collect();
        fs::write(home.join("server.pem"), both).expect("a file");
        let at = |file: &str| home.join(file);
        Self { authority: at("authority.crt"), stranger: at("stranger.crt"), server: at("server.pem") }
    }

    /// The settings of a client that trusts that authority, and shows the servers' own certificate.
    pub(crate) fn settings(&self, authority: &Path) -> Tls {
        let own = fs::read(&self.server).expect("a certificate");
        let names: Vec<String> = (0..3).map(name).collect();
        Tls::new(&fs::read(authority).expect("an authority"), Some((&own, &own)), &names).expect("settings")
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
