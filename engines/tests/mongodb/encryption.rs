//! Servers that speak TLS and ask for a certificate.

use mongodb::bson::Document;
use stateful_engines::Engine;
use stateful_engines::mongodb::Mongodb;
use stateful_safety::Sync;

use crate::servers::{Servers, door};

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_spoken_to_under_tls_and_only_where_their_authority_is_trusted() {
    let Some(servers) = Servers::start_encrypted() else { return };
    servers.found([Document::new(), Document::new(), Document::new()]).await;
    let certificates = servers.certificates.as_ref().expect("some");
    let stranger = door(0, Some(certificates.settings(&certificates.stranger)));
    let assessment = Mongodb::default().assess(&[stranger], 1).await;
    let sync = &assessment.groups[0].members[0].sync;
    let told = matches!(sync, Sync::Unreachable { why } if why.contains("TLS") && why.contains("certificate"));
    assert!(told, "{sync:?}");
}
