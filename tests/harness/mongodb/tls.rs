//! A set that takes encrypted connections alone, with a certificate of an authority made for it.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use rcgen::{BasicConstraints, DnType};
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use crate::Namespace;
use crate::cluster::repository;

/// Puts one certificate for all members into a Secret, and returns the file of the authority that clients are to trust.
pub(super) async fn prepare(namespace: &Namespace) -> Result<PathBuf> {
    let name = namespace.name();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "the set's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    // The names in the configuration, and that by which a person in the pod connects.
    let mut params = CertificateParams::new(vec![format!("*.mongo.{name}.svc.cluster.local"), "localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "a member");
    // A member shows it to the others as their client, too.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(&key, &authority)?;
    let files = json!({"ca.crt": authority.pem(), "server.pem": certificate.pem() + &key.serialize_pem()});
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "mongo-tls"}, "stringData": files});
    namespace.create(&secret.to_string()).await?;
    let folder = repository().join("target/harness");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.ca.crt"));
    fs::write(&file, authority.pem())?;
    Ok(file)
}

/// What the overlay changes.
pub(super) fn patches() -> Vec<Value> {
    let add = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
    let words = [
        "--tlsMode=requireTLS",
        "--tlsCertificateKeyFile=/etc/mongo-tls/server.pem",
        "--tlsCAFile=/etc/mongo-tls/ca.crt",
        // Clients say who they are with a password.
        "--tlsAllowConnectionsWithoutCertificates",
    ];
    let container = "/spec/template/spec/containers/0";
    let mut changes: Vec<Value> = words.iter().map(|word| add(&format!("{container}/args/-"), json!(word))).collect();
    changes.push(add(&format!("{container}/volumeMounts/-"), json!({"name": "tls", "mountPath": "/etc/mongo-tls"})));
    let secret = json!({"secretName": "mongo-tls", "defaultMode": 0o400});
    changes.push(add("/spec/template/spec/volumes/-", json!({"name": "tls", "secret": secret})));
    vec![json!({"target": {"kind": "StatefulSet"}, "patch": Value::from(changes).to_string()})]
}
