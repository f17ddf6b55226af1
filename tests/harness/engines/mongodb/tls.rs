//! TLS for a set that accepts only encrypted connections: a certificate authority of its own, and a certificate for the members.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use rcgen::{BasicConstraints, DnType};
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use serde_json::{Value, json};

use crate::{Namespace, repository};

/// Puts one certificate for all members into a Secret, and returns the authority's file, which clients are to trust.
pub(super) async fn create_secret(namespace: &Namespace) -> Result<PathBuf> {
    let name = namespace.name();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "the set's authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    // The names in the set's configuration, and the one by which a person in the pod connects.
    let mut params = CertificateParams::new(vec![format!("*.mongo.{name}.svc.cluster.local"), "localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "a member");
    // A member is a client of the others, too.
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

/// The overlay's patches.
pub(super) fn patches() -> Vec<Value> {
    let add = |path: &str, value: Value| json!({"op": "add", "path": path, "value": value});
    let arguments = [
        "--tlsMode=requireTLS",
        "--tlsCertificateKeyFile=/etc/mongo-tls/server.pem",
        "--tlsCAFile=/etc/mongo-tls/ca.crt",
        // Clients authenticate with a password.
        "--tlsAllowConnectionsWithoutCertificates",
    ];
    let container = "/spec/template/spec/containers/0";
    let mut changes: Vec<Value> =
        arguments.iter().map(|argument| add(&format!("{container}/args/-"), json!(argument))).collect();
    changes.push(add(&format!("{container}/volumeMounts/-"), json!({"name": "tls", "mountPath": "/etc/mongo-tls"})));
    let secret = json!({"secretName": "mongo-tls", "defaultMode": 0o400});
    changes.push(add("/spec/template/spec/volumes/-", json!({"name": "tls", "secret": secret})));
    vec![json!({"target": {"kind": "StatefulSet"}, "patch": Value::from(changes).to_string()})]
}
