//! A SOCKS5 proxy (RFC 1928) on this machine that leads to pods by their names in the cluster's DNS. A MongoDB driver connects to the
//! members by the names in the replica set's configuration; where those names are unknown, it can be told to let a proxy connect.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Cluster, Pod};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const CONNECT: u8 = 1;
const DOMAIN_NAME: u8 = 3;
const SUCCEEDED: u8 = 0;
const HOST_UNREACHABLE: u8 = 4;

/// The proxy, serving until dropped.
#[derive(Debug)]
pub(crate) struct SocksProxy {
    address: SocketAddr,
    listener: JoinHandle<()>,
}

impl SocksProxy {
    /// Starts one that leads to the pods of a cluster.
    pub(crate) async fn start(cluster: &Cluster) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, cluster) = (listener.local_addr()?, cluster.clone());
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let cluster = cluster.clone();
                // A connection that fails is closed, and the driver reports that.
                tokio::spawn(async move { drop(serve(&cluster, client).await) });
            }
        });
        Ok(Self { address, listener })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SocksProxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn serve(cluster: &Cluster, mut client: TcpStream) -> Result<()> {
    let (name, port) = read_request(&mut client).await?;
    match connect(cluster, &name, port).await {
        Ok(mut server) => {
            reply(&mut client, SUCCEEDED).await?;
            copy_bidirectional(&mut client, &mut server).await?;
            Ok(())
        }
        Err(error) => {
            reply(&mut client, HOST_UNREACHABLE).await?;
            Err(error)
        }
    }
}

/// Reads the greeting and the request to connect: a name, and a port.
async fn read_request(client: &mut TcpStream) -> Result<(String, u16)> {
    ensure!(client.read_u8().await? == VERSION, "the client does not speak SOCKS5");
    let mut methods = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut methods).await?;
    client.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    ensure!(request == [VERSION, CONNECT, 0, DOMAIN_NAME], "the client asks for {request:?}");
    let mut name = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut name).await?;
    Ok((String::from_utf8(name)?, client.read_u16().await?))
}

/// Answers a request. The address that the proxy connected from is left empty: clients do not use it.
async fn reply(client: &mut TcpStream, status: u8) -> Result<()> {
    const NO_ADDRESS: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
    Ok(client.write_all(&[&[VERSION, status, 0][..], &NO_ADDRESS].concat()).await?)
}

/// Connects to a pod by its name in the cluster's DNS: `mongo-0.mongo.shop.svc.cluster.local`.
async fn connect(cluster: &Cluster, name: &str, port: u16) -> Result<TcpStream> {
    let (pod, namespace) = pod_of(name).with_context(|| format!("{name} is not the name of a pod"))?;
    let pod = Pod::from(&cluster.get(&["--namespace", namespace, "pod", pod]).await?);
    if pod.address.is_none() {
        bail!("{name} has no address");
    }
    let server = TcpStream::connect(cluster.reach(namespace, &pod, port).await?).await?;
    server.set_nodelay(true)?;
    Ok(server)
}

/// The pod and its namespace.
fn pod_of(name: &str) -> Option<(&str, &str)> {
    let mut labels = name.split('.');
    let (pod, _service, namespace) = (labels.next()?, labels.next()?, labels.next()?);
    (labels.next()? == "svc").then_some((pod, namespace))
}

#[cfg(test)]
mod tests {
    use super::pod_of;

    #[test]
    fn a_name_says_which_pod_in_which_namespace() {
        assert_eq!(pod_of("mongo-0.mongo.shop.svc.cluster.local"), Some(("mongo-0", "shop")));
        assert_eq!(pod_of("database.example.org"), None);
    }
}
