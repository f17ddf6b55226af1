//! A way to a server through this process, as a port-forward is one: what goes wrong on the way goes wrong here.

use std::sync::Arc;

use stateful_engines::Endpoint;
use tokio::net::{TcpListener, TcpStream};

/// Leads an endpoint through this process: `carry` is given each connection of a client's, and one to the server behind it.
pub(crate) async fn lead_through<F>(
    door: &mut Endpoint,
    carry: impl Fn(TcpStream, TcpStream) -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let target = door.dial_config.as_mut().expect("a way to the server");
    let server = (target.host.clone(), target.port);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    target.port = listener.local_addr().expect("an address").port();
    "127.0.0.1".clone_into(&mut target.host);
    let carry = Arc::new(carry);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if let Ok(server) = TcpStream::connect(server.clone()).await {
                tokio::spawn(carry(client, server));
            }
        }
    });
}
