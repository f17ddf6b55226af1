//! Connections to pods: directly from inside the cluster, through the API server's port-forward from outside.

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

/// Port-forwards to the pods of one namespace. Each is opened at its first use and kept until the pod is replaced.
#[derive(Clone)]
pub struct PortForwards {
    cluster: Cluster,
    namespace: String,
    open: Arc<Mutex<HashMap<String, PortForward>>>,
}

/// The local end of a port-forward. Each connection to it becomes one stream to the pod.
struct PortForward {
    address: SocketAddr,
    server: JoinHandle<()>,
    /// Why the last connection failed; the database driver only saw it closed.
    broken: Arc<OnceLock<String>>,
}

impl Drop for PortForward {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl PortForwards {
    /// Port-forwards into a namespace; none is open yet.
    pub fn new(cluster: &Cluster, namespace: &str) -> Self {
        Self { cluster: cluster.clone(), namespace: namespace.to_owned(), open: Arc::default() }
    }

    /// The host and port by which this process reaches a port of a pod. Opens a port-forward if it runs outside the
    /// cluster. The error says why the pod cannot be reached.
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
        if let Some(forward) = open.get(&key) {
            let Some(why) = forward.broken.get().cloned() else {
                return Ok((forward.address.ip().to_string(), forward.address.port()));
            };
            open.remove(&key); // reported once; the next call opens a new one
            return Err(why);
        }
        let forward = self.open(&member.name, port).await.map_err(|error| error.to_string())?;
        let local = (forward.address.ip().to_string(), forward.address.port());
        open.insert(key, forward);
        Ok(local)
    }

    async fn open(&self, pod: &str, port: u16) -> std::io::Result<PortForward> {
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
                    if let Err(error) = forward(&pods, &pod, port, stream).await {
                        let _ = noted.set(format!("the port-forward to it failed: {error}")); // the first reason is enough
                    }
                });
            }
        });
        Ok(PortForward { address, server, broken })
    }
}

/// Forwards one connection. When the pod or the API server ends it, the local connection closes too, so the database driver
/// sees what happened.
async fn forward(pods: &Api<Pod>, pod: &str, port: u16, mut local: TcpStream) -> Result<(), Error> {
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
