//! A long way in, as through an API server on another continent: to log in takes as long as all that is asked then.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::common::database::Database;
use crate::common::relay::lead_through;
use crate::common::turns::Measures;
use crate::mongodb::servers::Servers;

/// Which answers of a connection are late, and by how much: those that log a client in, twice (a driver watches a server over a
/// connection of its own), and one of those to the questions. Together more than a member has for all it is asked.
const LATE: [(usize, Duration); 2] = [(1, Duration::from_millis(600)), (5, Duration::from_millis(1_200))];

/// Carries a connection on which some answers are late.
async fn carry(client: TcpStream, server: TcpStream) {
    let (mut requests, mut to_client) = client.into_split();
    let (mut answers, mut to_server) = server.into_split();
    let asking = tokio::spawn(async move { copy(&mut requests, &mut to_server).await });
    let mut message = vec![0; 1 << 20];
    for answer in 1_usize.. {
        let Ok(length) = answers.read(&mut message).await else { break };
        if let Some((_, by)) = LATE.iter().find(|(late, _)| *late == answer) {
            sleep(*by).await; // the length of the way
        }
        if length == 0 || to_client.write_all(&message[..length]).await.is_err() {
            break;
        }
    }
    asking.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn members_behind_a_long_way_are_logged_into_and_say_what_they_are() {
    let servers = Servers::start(Measures::Nothing).await;
    let mut endpoints = servers.endpoints();
    for endpoint in &mut endpoints {
        lead_through(endpoint, carry).await;
    }
    let assessment = servers.adapter().assess(&endpoints, 1).await;
    let answered = assessment.groups[0].members.iter().filter(|member| member.version.is_some()).count();
    assert_eq!(answered, 3, "{assessment:#?}");
}
