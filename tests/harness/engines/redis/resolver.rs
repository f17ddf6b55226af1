//! Leads the driver to the pods from outside the cluster: it resolves a Service's name, which the cluster's DNS does not answer here, by
//! the addresses of the Service's pods; and where pods are reached through port-forwards, it resolves each pod's address to its
//! port-forward.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use redis::io::AsyncDNSResolver;
use redis::{ErrorKind, RedisError, RedisFuture};
use tokio::sync::Mutex;

use crate::{Cluster, Namespace, Pod};

/// Resolves the names of one namespace's Services, and the addresses of their pods.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    cluster: Cluster,
    namespace: String,
    cache: Arc<Mutex<HashMap<String, Cached>>>,
}

/// When the pods were read, and the pods.
type Cached = (Instant, Vec<Pod>);

/// How long pods are reused: as long as the cluster's own DNS allows (its TTL).
const REUSED_FOR: Duration = Duration::from_secs(5);

/// How soon the pod of an address that is not known yet is found. Not at once: eight clients with six connections each would otherwise
/// wait for one another's requests, longer than they may take to connect.
const NEW_POD_WITHIN: Duration = Duration::from_millis(200);

/// The Service whose pods the driver is led to.
pub(super) const SERVICE: &str = "redis";

impl Resolver {
    pub(super) fn new(namespace: &Namespace) -> Self {
        let cluster = namespace.cluster().clone();
        Self { cluster, namespace: namespace.name().to_owned(), cache: Arc::default() }
    }

    /// Where the pods of a Service, or of an address, are reached now.
    pub(super) async fn sockets(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        match host.parse::<IpAddr>() {
            Ok(address) if !self.cluster.needs_port_forwards() => Ok(vec![SocketAddr::new(address, port)]),
            Ok(address) => Ok(vec![self.port_forward(address, port).await?]),
            Err(_) => {
                let mut sockets = Vec::new();
                for pod in self.pods(host, REUSED_FOR).await?.iter().filter(|pod| pod.address.is_some()) {
                    // A pod that does not run yet has no port-forward; the driver needs one that answers.
                    sockets.extend(self.cluster.reach(&self.namespace, pod, port).await.ok());
                }
                ensure!(!sockets.is_empty(), "no pod of {host} can be reached");
                Ok(sockets)
            }
        }
    }

    /// The port-forward to the pod that has this address now.
    async fn port_forward(&self, address: IpAddr, port: u16) -> Result<SocketAddr> {
        let address = address.to_string();
        let has_it = |pod: &Pod| pod.address.as_deref() == Some(&address);
        let mut pod = self.pods(SERVICE, REUSED_FOR).await?.into_iter().find(has_it);
        if pod.is_none() {
            pod = self.pods(SERVICE, NEW_POD_WITHIN).await?.into_iter().find(has_it);
        }
        self.cluster.reach(&self.namespace, &pod.with_context(|| format!("no pod has {address}"))?, port).await
    }

    /// The pods of a Service, as they were at most this long ago.
    async fn pods(&self, service: &str, age: Duration) -> Result<Vec<Pod>> {
        let mut cache = self.cache.lock().await;
        if let Some((_, pods)) = cache.get(service).filter(|(at, _)| at.elapsed() < age) {
            return Ok(pods.clone());
        }
        let pods = self.cluster.pods(&self.namespace, &format!("app.kubernetes.io/name={service}")).await?;
        cache.insert(service.to_owned(), (Instant::now(), pods.clone()));
        Ok(pods)
    }
}

impl AsyncDNSResolver for Resolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let sockets = self.sockets(host, port).await;
            let sockets =
                sockets.map_err(|error| RedisError::from((ErrorKind::Io, "no such name", format!("{error:#}"))))?;
            Ok(Box::new(sockets.into_iter()) as Box<dyn Iterator<Item = SocketAddr> + Send + 'a>)
        })
    }
}
