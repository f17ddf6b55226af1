//! A long way in, as through an API server on another continent: to get in takes as long as all that is asked then.

use std::time::Duration;

use mongodb::bson::Document;
use stateful_engines::Engine;
use stateful_engines::mongodb::Mongodb;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

use crate::servers::Servers;

/// Which answers of a connection are late, and by how much: those that let somebody in, twice (a driver watches a server over a
/// connection of its own), and one of those to the questions. Together more than a member has for all it is asked.
const LATE: [(usize, Duration); 2] = [(1, Duration::from_millis(600)), (5, Duration::from_millis(1_200))];

/// A way to a server on which some answers are late.
async fn long_way(host: String, port: u16) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let own = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect((host.clone(), port)).await {
                tokio::spawn(carry(client, server));
            }
        }
    });
    own
}

async fn carry(client: TcpStream, server: TcpStream) {
    let (mut asks, mut hears) = client.into_split();
    let (mut answers, mut serves) = server.into_split();
    let asking = tokio::spawn(async move { copy(&mut asks, &mut serves).await });
    let mut said = vec![0; 1 << 20];
    for answer in 1_usize.. {
        let Ok(length) = answers.read(&mut said).await else { break };
        if let Some((_, by)) = LATE.iter().find(|(late, _)| *late == answer) {
            tokio::time::sleep(*by).await; // the length of the way
        }
        if length == 0 || hears.write_all(&said[..length]).await.is_err() {
            break;
        }
    }
    asking.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn members_behind_a_long_way_are_got_into_and_say_what_they_are() {
    let Some(servers) = Servers::start() else { return };
    servers.found([Document::new(), Document::new(), Document::new()]).await;
    let mut endpoints = servers.endpoints();
    for endpoint in &mut endpoints {
        let way = endpoint.way.as_mut().expect("a way");
        let port = long_way(way.host.clone(), way.port).await;
        (way.host, way.port) = ("127.0.0.1".to_owned(), port);
    }
    let assessment = Mongodb::default().assess(&endpoints, 1).await;
    let answered = assessment.groups[0].members.iter().filter(|member| member.version.is_some()).count();
    assert_eq!(answered, 3, "{assessment:#?}");
}
