//! Joins what Kubernetes knows of a pod with what the engine needs to speak to it.

use stateful_cluster::{Keys, Tunnels};
use stateful_engines::{Credentials, Door, Secret, Tls, Way as EngineWay};
use stateful_safety::{Entrance, Member, Workload};

/// How to get in to every member of a workload.
pub(super) struct Way {
    entrance: Entrance,
    keys: Keys,
    credentials: Credentials,
    /// Paths in a member's container that outlive its pod.
    kept: Vec<String>,
}

impl Way {
    pub(super) fn new(entrance: Entrance, keys: Keys, kept: Vec<String>) -> Result<Self, String> {
        let (username, password) = keys.login()?;
        if entrance.tls.is_some() && keys.authority.is_none() {
            return Err(
                "its servers speak TLS and nothing says which authority signed them; name a Secret with ca.crt \
                 by the annotation kubectl-stateful.dev/tls-secret"
                    .to_owned(),
            );
        }
        let credentials = Credentials { username, password: password.map(Secret::new) };
        Ok(Self { entrance, keys, credentials, kept })
    }

    /// A door to a pod that is no member, on another port: a Sentinel's. It has the members' credentials or none.
    pub(super) async fn watcher(&self, pod: &Member, port: u16, tunnels: &Tunnels) -> Door {
        let way = tunnels.way(pod, port).await;
        Door {
            member: pod.name.clone(),
            incarnation: format!("{}:{port}", pod.uid),
            address: pod.address.clone(),
            kept: Vec::new(),
            way: way.map(|(host, port)| EngineWay { host, port, tls: None, credentials: Credentials::default() }),
        }
    }

    /// A door for each declared member; one without a pod has no way in and says so.
    pub(super) async fn doors(&self, workload: &Workload, tunnels: &Tunnels) -> Vec<Door> {
        let mut doors = Vec::new();
        for member in &workload.members {
            doors.push(Door {
                member: member.name.clone(),
                incarnation: member.uid.clone(),
                address: member.address.clone(),
                kept: self.kept.clone(),
                way: self.way(workload, member, tunnels).await,
            });
        }
        doors.extend(workload.absent().into_iter().map(|name| Door {
            incarnation: String::new(),
            address: None,
            kept: Vec::new(),
            way: Err("it has no pod".to_owned()),
            member: name,
        }));
        doors
    }

    async fn way(&self, workload: &Workload, member: &Member, tunnels: &Tunnels) -> Result<EngineWay, String> {
        let (host, port) = tunnels.way(member, self.entrance.port).await?;
        let tls = match &self.entrance.tls {
            None => None,
            Some(files) => {
                let identity = self.keys.certificate.as_deref().zip(self.keys.key.as_deref());
                let mut names = names(workload, member);
                names.splice(0..0, files.server_name.clone());
                let tls = Tls::new(self.keys.authority.as_deref().unwrap_or_default(), identity, &names)?;
                Some(Tls { logs_in: files.logs_in, ..tls })
            }
        };
        Ok(EngineWay { host, port, tls, credentials: self.credentials.clone() })
    }
}

/// The names a member goes by; a certificate for any of them is its own.
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
