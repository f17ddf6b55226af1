//! Names of the cluster, looked up outside of it: its own name service answers inside only, this one says the same.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use redis::io::AsyncDNSResolver;
use redis::{ErrorKind, RedisError, RedisFuture};
use tokio::sync::Mutex;

use crate::{Cluster, Namespace};

/// The names of one namespace.
#[derive(Debug, Clone)]
pub(super) struct Names {
    cluster: Cluster,
    namespace: String,
    known: Arc<Mutex<HashMap<String, Answer>>>,
}

/// When it was given, and what it was.
type Answer = (Instant, Vec<IpAddr>);

/// How long an answer is kept: as long as the cluster's own service says.
const KEPT: Duration = Duration::from_secs(5);

impl Names {
    pub(super) fn of(namespace: &Namespace) -> Self {
        let cluster = namespace.cluster().clone();
        Self { cluster, namespace: namespace.name().to_owned(), known: Arc::default() }
    }

    async fn addresses(&self, service: &str) -> Result<Vec<IpAddr>> {
        let mut known = self.known.lock().await;
        if let Some((_, addresses)) = known.get(service).filter(|(at, _)| at.elapsed() < KEPT) {
            return Ok(addresses.clone());
        }
        let selector = format!("app.kubernetes.io/name={service}");
        let lines = "jsonpath={range .items[*]}{.status.podIP}{\"\\n\"}{end}";
        let args = ["--namespace", &self.namespace, "get", "pods", "--selector", &selector, "-o", lines];
        let told = self.cluster.kubectl(&args).await?;
        let addresses: Vec<IpAddr> = told.lines().filter_map(|line| line.parse().ok()).collect();
        known.insert(service.to_owned(), (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}

impl AsyncDNSResolver for Names {
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
