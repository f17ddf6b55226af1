//! Resolves a Service's name outside the cluster, where its DNS does not answer: by the addresses of the Service's pods.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use redis::io::AsyncDNSResolver;
use redis::{ErrorKind, RedisError, RedisFuture};
use tokio::sync::Mutex;

use crate::{Cluster, Namespace};

/// Resolves the names of one namespace's Services.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    cluster: Cluster,
    namespace: String,
    cache: Arc<Mutex<HashMap<String, Cached>>>,
}

/// When the addresses were read, and the addresses.
type Cached = (Instant, Vec<IpAddr>);

/// How long addresses are reused: as long as the cluster's own DNS allows (its TTL).
const REUSED_FOR: Duration = Duration::from_secs(5);

impl Resolver {
    pub(super) fn new(namespace: &Namespace) -> Self {
        let cluster = namespace.cluster().clone();
        Self { cluster, namespace: namespace.name().to_owned(), cache: Arc::default() }
    }

    async fn addresses(&self, service: &str) -> Result<Vec<IpAddr>> {
        let mut cache = self.cache.lock().await;
        if let Some((_, addresses)) = cache.get(service).filter(|(at, _)| at.elapsed() < REUSED_FOR) {
            return Ok(addresses.clone());
        }
        let selector = format!("app.kubernetes.io/name={service}");
        let lines = "jsonpath={range .items[*]}{.status.podIP}{\"\\n\"}{end}";
        let args = ["--namespace", &self.namespace, "get", "pods", "--selector", &selector, "-o", lines];
        let told = self.cluster.kubectl(&args).await?;
        let addresses: Vec<IpAddr> = told.lines().filter_map(|line| line.parse().ok()).collect();
        cache.insert(service.to_owned(), (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}

impl AsyncDNSResolver for Resolver {
    fn resolve<'a, 'b: 'a>(
        &'a self,
        host: &'b str,
        port: u16,
    ) -> RedisFuture<'a, Box<dyn Iterator<Item = SocketAddr> + Send + 'a>> {
        Box::pin(async move {
            let addresses = match host.parse() {
                Ok(address) => vec![address],
                Err(_) => self
                    .addresses(host)
                    .await
                    .map_err(|error| RedisError::from((ErrorKind::Io, "no such name", format!("{error:#}"))))?,
            };
            let sockets = addresses.into_iter().map(move |address| SocketAddr::new(address, port));
            Ok(Box::new(sockets) as Box<dyn Iterator<Item = SocketAddr> + Send + 'a>)
        })
    }
}
