//! A mounted directory, laid out and changed as the kubelet does it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::certificates::directory::{Directory, DirectoryError};
use crate::certificates::keypair::CertificateError;

/// A directory of one test, gone with it.
struct Mount(PathBuf);

impl Mount {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("stateful-guard-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// A new directory of files beside the old one, and the link `..data` renamed over the old link. The files' own
    /// links are made once and never change.
    fn swap(&self, version: &str, files: &[(&str, &str)]) {
        let (inner, link) = (format!("..{version}"), self.0.join("..data_tmp"));
        fs::create_dir(self.0.join(&inner)).expect("a directory");
        for (name, text) in files {
            fs::write(self.0.join(&inner).join(name), text).expect("a file");
            let outer = self.0.join(name);
            if !outer.is_symlink() {
                symlink(Path::new("..data").join(name), outer).expect("a link");
            }
        }
        symlink(&inner, &link).expect("a link");
        let before = fs::read_link(self.0.join("..data"));
        fs::rename(link, self.0.join("..data")).expect("a rename");
        if let Ok(before) = before {
            fs::remove_dir_all(self.0.join(before)).expect("the old files");
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn fresh(now: Timestamp, life: i64) -> (String, String) {
    let lifetime = Lifetime::starting(now, seconds(life));
    let authority = issue::authority(lifetime).expect("an authority");
    let parsed = crate::certificates::bundle::Authority::read(&authority.certificate).expect("its certificate");
    let fresh = issue::certificate(&names(), lifetime, &parsed.certificate, &authority.key).expect("a certificate");
    (fresh.certificate, fresh.key)
}

#[tokio::test]
async fn a_swapped_link_is_followed_and_what_does_not_fit_changes_nothing() {
    let (mount, serving) = (Mount::new(), ServingCertificate::default());
    let mut directory = Directory::new(mount.0.clone());
    assert!(
        matches!(directory.read_once(&serving, day_one()).await, Err(DirectoryError::File { .. })),
        "nothing mounted yet"
    );

    let (certificate, key) = fresh(day_one(), 1000);
    mount.swap("2026_11_21", &[("tls.crt", &certificate), ("tls.key", &key)]);
    directory.read_once(&serving, day_one()).await.expect("a pair");
    assert_eq!(serving.not_after(), Some(day_one() + seconds(1000)));

    let (next, next_key) = fresh(day_one(), 2000);
    mount.swap("2026_11_22", &[("tls.crt", &next), ("tls.key", &key)]);
    let strangers = CertificateError::KeyMismatch { key: "tls.key", certificate: "tls.crt" };
    for _ in 0..2 {
        let error = directory.read_once(&serving, day_one()).await;
        assert!(matches!(error, Err(DirectoryError::Certificate(error)) if error == strangers));
        assert_eq!(serving.not_after(), Some(day_one() + seconds(1000)), "what is in service stays");
    }
    mount.swap("2026_11_23", &[("tls.crt", &next), ("tls.key", &next_key)]);
    directory.read_once(&serving, day_one()).await.expect("a pair");
    assert_eq!(serving.not_after(), Some(day_one() + seconds(2000)));
}

#[tokio::test]
async fn a_directory_without_links_is_read_as_well() {
    let (mount, serving) = (Mount::new(), ServingCertificate::default());
    let (certificate, key) = fresh(day_one(), 1000);
    fs::write(mount.0.join("tls.crt"), certificate).expect("a file");
    fs::write(mount.0.join("tls.key"), key).expect("a file");
    Directory::new(mount.0.clone()).read_once(&serving, day_one()).await.expect("a pair");
    assert_eq!(serving.not_after(), Some(day_one() + seconds(1000)));
}
