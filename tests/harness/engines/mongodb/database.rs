//! A MongoDB replica set.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential, ServerAddress, TlsOptions};
use serde_json::Value;
use tokio::time::timeout;

use super::client::RustDriver;
use super::member_state::MemberState;
use super::pymongo::PymongoDriver;
use super::{PORT, replica_set, tls};
use crate::engines::{Deployment, Engine, Gap, Primaries, WriteBounds};
use crate::load::Endpoint;
use crate::{Namespace, Pod, overlay, until};

/// Three volumes, an election, and the Job that creates the set and its users, on two busy cores; it takes 20 s when all is well.
pub(super) const FORMED_WITHIN: &str = "3m";

/// Longer than any healthy answer takes, and short enough for a law to ask three servers one after another.
const PATIENCE: Duration = Duration::from_secs(2);

/// A command may wait until a majority has what it changed: a new configuration, until every member has received it.
const COMMAND_WITHIN: Duration = Duration::from_secs(30);

/// Priorities take effect some time after the first election: a member with a higher priority calls another election, 10 s or
/// more after it has caught up.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// For laws that do not ask how a member ends: by default it lets its clients go for 15 s first, which adds up.
pub const SHORT_SHUTDOWN: &str = "--setParameter=shutdownTimeoutMillisForSignaledShutdown=1000";

/// Allows to stop the replication of a secondary from outside.
const FAIL_POINTS: &str = "--setParameter=enableTestCommands=1";

/// The replica set of one namespace.
#[derive(Debug, Clone)]
pub struct Mongodb {
    namespace: Namespace,
    administrator: Credential,
    app_password: String,
    /// How many members it has.
    members: usize,
    /// The certificate authority's file that its clients trust, where it accepts only encrypted connections.
    authority: Option<PathBuf>,
}

/// The contents of the example's Secret.
pub(super) struct Secrets {
    pub(super) username: String,
    pub(super) password: String,
    pub(super) app_password: String,
    pub(super) keyfile: String,
}

impl Secrets {
    async fn of(namespace: &Namespace) -> Result<Self> {
        let read = async |key: &str| namespace.secret("mongo", key).await;
        Ok(Self {
            username: read("username").await?,
            password: read("password").await?,
            app_password: read("app-password").await?,
            keyfile: read("keyfile").await?,
        })
    }
}

impl Mongodb {
    /// Deploys `examples/mongodb` as it is, and waits until both secondaries are in sync. Each member that is ended lets its clients go
    /// for 15 s first.
    pub async fn deploy_unchanged(namespace: &Namespace, version: &str) -> Result<Self> {
        Self::deploy_with(namespace, version, &[]).await
    }

    /// The same, with more arguments on the servers' command line.
    async fn deploy_with(namespace: &Namespace, version: &str, arguments: &[&str]) -> Result<Self> {
        overlay::apply_patched(namespace, "mongodb", version, &overlay::more_arguments(arguments)).await?;
        namespace
            .kubectl(&["wait", "job/mongo-form-set", "--for", "condition=complete", "--timeout", FORMED_WITHIN])
            .await?;
        let database = Self::with(namespace, 3, Secrets::of(namespace).await?, None);
        database.in_sync(Duration::from_secs(30)).await?;
        Ok(database)
    }

    /// A set with one member for each document. A document is what the set's configuration holds for that member beside its name:
    /// `priority`, `hidden`, `arbiterOnly`, `secondaryDelaySecs`. Waits until all are in sync, and a member with the highest
    /// priority is primary.
    pub async fn deploy_shaped(
        namespace: &Namespace,
        version: &str,
        arguments: &[&str],
        members: &[Document],
    ) -> Result<Self> {
        Self::form(namespace, version, &overlay::more_arguments(arguments), members, None).await
    }

    /// A set of three that accepts only encrypted connections (`requireTLS`), with certificates of its own authority.
    pub async fn deploy_encrypted(namespace: &Namespace, version: &str) -> Result<Self> {
        let authority = tls::create_secret(namespace).await?;
        Self::form(namespace, version, &tls::patches(), &[doc! {}, doc! {}, doc! {}], Some(authority)).await
    }

    async fn form(
        namespace: &Namespace,
        version: &str,
        patches: &[Value],
        members: &[Document],
        authority: Option<PathBuf>,
    ) -> Result<Self> {
        let patches = [&replica_set::patches(members.len())[..], patches].concat();
        overlay::apply_patched(namespace, "mongodb", version, &patches).await?;
        let secrets = Secrets::of(namespace).await?;
        let encrypted = authority.is_some();
        replica_set::create(namespace, &hosts(namespace, members.len()), members, &secrets, encrypted).await?;
        let database = Self::with(namespace, members.len(), secrets, authority);
        until("a member with the highest priority is primary", SETTLED_WITHIN, async || {
            let primary = database.primary().await?;
            let mut preferred = replica_set::preferred(members);
            ensure!(preferred.any(|ordinal| primary == format!("mongo-{ordinal}")), "{primary} is primary");
            Ok(())
        })
        .await?;
        let primary = database.primary().await?;
        replica_set::has_shape(&database.command(&primary, doc! { "replSetGetConfig": 1 }).await?, members)?;
        database.in_sync(Duration::from_secs(30)).await?;
        Ok(database)
    }

    fn with(namespace: &Namespace, members: usize, secrets: Secrets, authority: Option<PathBuf>) -> Self {
        let administrator = Credential::builder()
            .username(secrets.username)
            .password(secrets.password)
            .source("admin".to_owned())
            .build();
        Self { namespace: namespace.clone(), administrator, app_password: secrets.app_password, members, authority }
    }

    /// For the load, with PyMongo.
    pub async fn endpoint_for_pymongo(&self) -> Result<Endpoint> {
        Ok(Endpoint::new(PymongoDriver::new(self).await?))
    }

    /// The password of the user `app`, which reads and writes the database `app`.
    pub(super) fn app_password(&self) -> &str {
        &self.app_password
    }

    /// The certificate authority's file that clients trust, where connections are encrypted.
    pub(super) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// The members' names, as in the set's configuration and in an application's.
    pub(super) fn hosts(&self) -> Vec<String> {
        hosts(&self.namespace, self.members)
    }

    /// A connection to one member as administrator, whatever state the member is in.
    pub async fn connect(&self, pod: &str) -> Result<Client> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        client_of(&self.namespace, found, &self.administrator, self.authority.is_some()).await
    }

    /// What one member answers to its administrator's command.
    pub async fn command(&self, pod: &str, command: Document) -> Result<Document> {
        let client = self.connect(pod).await?;
        let answer = timeout(COMMAND_WITHIN, client.database("admin").run_command(command)).await;
        answer.context("no answer").and_then(|answer| Ok(answer?)).with_context(|| pod.to_owned())
    }

    /// The one primary; an error while there is none, or more than one.
    pub async fn primary(&self) -> Result<String> {
        let states = self.states(&self.pods().await?).await?;
        let mut primaries: Vec<_> = states.into_iter().filter(MemberState::is_primary).collect();
        ensure!(primaries.len() == 1, "{} members are primary", primaries.len());
        Ok(primaries.remove(0).pod)
    }

    /// The state that each member reports of itself.
    async fn states(&self, pods: &[Pod]) -> Result<Vec<MemberState>> {
        let mut answers = HashMap::new();
        let mut configuration = None;
        for pod in pods {
            let client = client_of(&self.namespace, pod, &self.administrator, self.authority.is_some()).await?;
            let status = ask(&client, "admin", doc! { "replSetGetStatus": 1 }).await;
            if status.is_ok() && configuration.is_none() {
                configuration = Some(ask(&client, "admin", doc! { "replSetGetConfig": 1 }).await?);
            }
            answers.insert(pod.name.clone(), status);
        }
        let Some(configuration) = configuration else {
            answers.into_values().collect::<Result<Vec<_>>>()?;
            bail!("there is no pod");
        };
        MemberState::of_all(&configuration, &answers)
    }
}

impl Deployment for Mongodb {
    fn image(version: &str) -> String {
        overlay::image("mongo", version)
    }

    /// Deploys `examples/mongodb`, with members that end after a second and can be made to lag, and waits until both secondaries are in
    /// sync.
    async fn deploy(namespace: &Namespace, version: &str) -> Result<Self> {
        Self::deploy_with(namespace, version, &[SHORT_SHUTDOWN, FAIL_POINTS]).await
    }

    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        pods(&self.namespace).await
    }

    /// Waits until every member of the configuration has a ready pod, one is primary, and all others follow it and have what it
    /// had a second ago, or before their delay.
    async fn in_sync(&self, patience: Duration) -> Result<()> {
        until("the database is in sync", patience, async || {
            let pods = self.pods().await?;
            for pod in &pods {
                ensure!(pod.ready, "{} is not ready", pod.name);
            }
            let states = self.states(&pods).await?;
            ensure!(pods.len() == states.len(), "{} pods and {} members", pods.len(), states.len());
            let (primaries, others): (Vec<_>, Vec<_>) = states.iter().partition(|state| state.is_primary());
            ensure!(primaries.len() == 1, "{} members are primary", primaries.len());
            others.into_iter().try_for_each(|state| state.follows(primaries[0]))
        })
        .await
    }
}

impl Engine for Mongodb {
    const NAME: &'static str = "mongodb";
    const TARGET: &'static str = "mongo";
    const VERSIONS: (&'static str, &'static str) = ("5.0", "6.0");
    /// Three members are replaced, one switches over, and three steps are about the StatefulSet.
    const UPGRADE_STEPS: usize = 7;
    /// What is wanted is a gap of 0.3 s; of nine upgrades and rollbacks on two cores that were busy with other things seven had 0.13 to
    /// 0.43 s, and two 1.1 s (`docs/decisions/0010-mongodb-switchover.md`).
    const WRITES: WriteBounds = WriteBounds { connections_may_break: false, gap: Gap::AtMost(Duration::from_secs(2)) };

    /// With the `mongodb` crate.
    async fn endpoint(&self) -> Result<Endpoint> {
        Ok(Endpoint::new(RustDriver::new(self).await?))
    }

    async fn server_version(&self, pod: &str) -> Result<String> {
        Ok(self.command(pod, doc! { "buildInfo": 1 }).await?.get_str("version")?.to_owned())
    }

    async fn dispensable_member(&self) -> Result<String> {
        self.replica().await
    }
}

impl Primaries for Mongodb {
    const LAG_REASON: &'static str = "s behind its primary";

    async fn primaries(&self) -> Result<Vec<String>> {
        Ok(vec![self.primary().await?])
    }

    async fn replica(&self) -> Result<String> {
        let primary = self.primary().await?;
        let mut members = self.pods().await?.into_iter().map(|pod| pod.name);
        members.find(|name| *name != primary).context("there is no secondary")
    }

    /// It receives the primary's log, and applies nothing of it.
    async fn lag(&self, replica: &str) -> Result<()> {
        self.command(replica, doc! { "configureFailPoint": "rsSyncApplyStop", "mode": "alwaysOn" }).await.map(drop)
    }

    async fn catch_up(&self, replica: &str) -> Result<()> {
        self.command(replica, doc! { "configureFailPoint": "rsSyncApplyStop", "mode": "off" }).await.map(drop)
    }
}

fn hosts(namespace: &Namespace, members: usize) -> Vec<String> {
    let name = namespace.name();
    (0..members).map(|ordinal| format!("mongo-{ordinal}.mongo.{name}.svc.cluster.local")).collect()
}

pub(super) async fn pods(namespace: &Namespace) -> Result<Vec<Pod>> {
    namespace.pods("app.kubernetes.io/name=mongo").await
}

/// A client of this member alone, by its address.
pub(super) async fn client_of(
    namespace: &Namespace,
    pod: &Pod,
    credential: &Credential,
    encrypted: bool,
) -> Result<Client> {
    let address = namespace.reach(pod, PORT).await?;
    let mut options = ClientOptions::builder()
        .hosts(vec![ServerAddress::Tcp { host: address.ip().to_string(), port: Some(address.port()) }])
        .direct_connection(true)
        .credential(credential.clone())
        .connect_timeout(PATIENCE)
        .server_selection_timeout(PATIENCE)
        .build();
    // The certificate is for the member's name, and the client connects by address.
    options.tls = encrypted.then(|| TlsOptions::builder().allow_invalid_certificates(true).build().into());
    Ok(Client::with_options(options)?)
}

pub(super) async fn ask(client: &Client, database: &str, command: Document) -> Result<Document> {
    let database = client.database(database);
    Ok(timeout(PATIENCE, database.run_command(command)).await.context("no answer")??)
}
