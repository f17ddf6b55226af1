//! Ways to pods: straight inside the cluster, through the API server's port-forward from outside.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};

use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use stateful_safety::Member;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::{Cluster, Error};

/// Tunnels to the pods of one namespace, opened when first asked for and kept until the pod is another.
#[derive(Clone)]
pub struct PortForwards {
    cluster: Cluster,
    namespace: String,
    open: Arc<Mutex<HashMap<String, Tunnel>>>,
}

/// This end of a tunnel. Each connection made to it becomes one stream of its own to the pod.
struct Tunnel {
    address: SocketAddr,
    server: JoinHandle<()>,
    /// Why the last connection could not be carried; the driver at this end only saw it closed.
    broken: Arc<OnceLock<String>>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl PortForwards {
    /// Tunnels into a namespace; none is open yet.
    pub fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self { cluster: cluster.clone(), namespace: namespace.to_owned(), open: Arc::default() }
    }

    /// Host and port by which to reach a port of a pod from here.
    pub async fn way(&self, member: &Member, port: u16) -> Result<(String, u16), String> {
        let address = member
            .address
            .clone()
            .ok_or_else(|| member.waiting.clone().unwrap_or_else(|| "its pod has no address yet".to_owned()))?;
        if self.cluster.inside {
            return Ok((address, port));
        }
        let mut open = self.open.lock().await;
        let key = format!("{}:{port}", member.uid);
        if let Some(tunnel) = open.get(&key) {
            let Some(why) = tunnel.broken.get().cloned() else {
                return Ok((tunnel.address.ip().to_string(), tunnel.address.port()));
            };
            open.remove(&key); // said once; the next call digs anew
            return Err(why);
        }
        let tunnel = self.dig(&member.name, port).await.map_err(|error| error.to_string())?;
        let here = (tunnel.address.ip().to_string(), tunnel.address.port());
        open.insert(key, tunnel);
        Ok(here)
    }

    async fn dig(&self, pod: &str, port: u16) -> std::io::Result<Tunnel> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let pods: Api<Pod> = Api::namespaced(self.cluster.client.clone(), &self.namespace);
        let pod = pod.to_owned();
        let broken = Arc::new(OnceLock::new());
        let noted = Arc::clone(&broken);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (pods, pod, noted) = (pods.clone(), pod.clone(), Arc::clone(&noted));
                tokio::spawn(async move {
                    if let Err(error) = carry(&pods, &pod, port, stream).await {
                        let _ = noted.set(format!("no port-forward to it: {error}")); // the first reason is enough
                    }
                });
            }
        });
        Ok(Tunnel { address, server, broken })
    }
}

/// Carries one connection. When the pod or the API server ends it, the local connection closes: the driver at the
/// other side sees a closed connection, which is what happened.
async fn carry(pods: &Api<Pod>, pod: &str, port: u16, mut local: TcpStream) -> Result<(), Error> {
    let mut forwarder = pods.portforward(pod, &[port]).await?;
    let Some(mut remote) = forwarder.take_stream(port) else {
        return Err(Error::Answer("a port-forward without a stream".to_owned()));
    };
    let _ = local.set_nodelay(true);
    let _ = copy_bidirectional(&mut local, &mut remote).await;
    drop(remote);
    forwarder.abort();
    Ok(())
}
