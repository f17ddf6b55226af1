//! Joins what Kubernetes knows of a pod with what the engine needs to speak to it.

use std::sync::Arc;

use stateful_cluster::connection::port_forwards::PortForwards;
use stateful_cluster::discovery::credentials::ResolvedSecrets;
use stateful_engines::{Credentials, DialConfig, Endpoint, Secret, Tls};
use stateful_safety::{ConnectionConfig, Member, StartScripts, Workload};

/// How to connect to every member of a workload.
pub(super) struct EndpointBuilder {
    connection_config: ConnectionConfig,
    secrets: ResolvedSecrets,
    credentials: Credentials,
    /// Paths in a member's container that outlive its pod.
    kept: Vec<String>,
}

impl EndpointBuilder {
    pub(super) fn new(
        connection_config: ConnectionConfig,
        secrets: ResolvedSecrets,
        kept: Vec<String>,
    ) -> Result<Self, String> {
        let (username, password) = secrets.login()?;
        if connection_config.tls.is_some() && secrets.authority.is_none() {
            return Err(
                "its servers speak TLS and nothing says which authority signed them; name a Secret with ca.crt \
                 by the annotation kubectl-stateful.dev/tls-secret"
                    .to_owned(),
            );
        }
        let credentials = Credentials { username, password: password.map(Secret::new) };
        Ok(Self { connection_config, secrets, credentials, kept })
    }

    /// The endpoint of a pod that is no member, on another port: a Sentinel's. It has the members' credentials or none.
    pub(super) async fn watcher(&self, pod: &Member, port: u16, port_forwards: &PortForwards) -> Endpoint {
        let way = port_forwards.way(pod, port).await;
        Endpoint {
            member: pod.name.clone(),
            incarnation: format!("{}:{port}", pod.uid),
            address: pod.address.clone(),
            kept: Vec::new(),
            starts: Arc::default(),
            dial_config: way.map(|(host, port)| DialConfig {
                host,
                port,
                tls: None,
                credentials: Credentials::default(),
            }),
        }
    }

    /// An endpoint for each declared member; that of a member without a pod says so.
    pub(super) async fn endpoints(
        &self,
        workload: &Workload,
        starts: &Arc<StartScripts>,
        port_forwards: &PortForwards,
    ) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        for member in &workload.members {
            endpoints.push(Endpoint {
                member: member.name.clone(),
                incarnation: member.uid.clone(),
                address: member.address.clone(),
                kept: self.kept.clone(),
                starts: Arc::clone(starts),
                dial_config: self.way(workload, member, port_forwards).await,
            });
        }
        endpoints.extend(workload.absent().into_iter().map(|name| Endpoint {
            incarnation: String::new(),
            address: None,
            kept: Vec::new(),
            starts: Arc::clone(starts),
            dial_config: Err("it has no pod".to_owned()),
            member: name,
        }));
        endpoints
    }

    async fn way(
        &self,
        workload: &Workload,
        member: &Member,
        port_forwards: &PortForwards,
    ) -> Result<DialConfig, String> {
        let (host, port) = port_forwards.way(member, self.connection_config.port).await?;
        let tls = match &self.connection_config.tls {
            None => None,
            Some(files) => {
                let identity = self.secrets.certificate.as_deref().zip(self.secrets.key.as_deref());
                let mut names = names(workload, member);
                names.splice(0..0, files.server_name.clone());
                let tls = Tls::new(self.secrets.authority.as_deref().unwrap_or_default(), identity, &names)
                    .map_err(|error| error.to_string())?;
                Some(Tls { logs_in: files.logs_in, ..tls })
            }
        };
        Ok(DialConfig { host, port, tls, credentials: self.credentials.clone() })
    }
}

/// The DNS names of a member; a certificate for any of them is accepted.
fn names(workload: &Workload, member: &Member) -> Vec<String> {
    let (pod, service, namespace) = (&member.name, &workload.service, &workload.id.namespace);
    let mut names = vec![
        format!("{pod}.{service}.{namespace}.svc.cluster.local"),
        format!("{pod}.{service}.{namespace}.svc"),
        format!("{pod}.{service}.{namespace}"),
        format!("{pod}.{service}"),
        pod.clone(),
        format!("{service}.{namespace}.svc.cluster.local"),
        format!("{service}.{namespace}.svc"),
        format!("{service}.{namespace}"),
        service.clone(),
    ];
    names.extend(member.address.clone());
    names
}
