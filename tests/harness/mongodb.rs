//! `examples/mongodb`, deployed: a replica set of three members, or of another shape.

mod form;
mod state;
mod tls;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mongodb::Client;
use mongodb::bson::{Document, doc};
use mongodb::options::{ClientOptions, Credential, ServerAddress, TlsOptions};
use serde_json::Value;
use state::State;
use tokio::time::timeout;

use crate::load::{Door, PymongoDoor};
use crate::{Namespace, Pod, overlay, until};

/// Three volumes, an election, and the Job that makes the set and its users, on two busy cores: 20 s when all is well.
const FORMED_WITHIN: &str = "3m";

/// Longer than any healthy answer takes, and no longer than a proof can afford for each of three.
const PATIENCE: Duration = Duration::from_secs(2);

/// What an order waits for a majority to have: a new configuration, until everybody has heard of it.
const ORDERED_WITHIN: Duration = Duration::from_secs(30);

/// Priorities have their say a while after the first election: one who is more wanted stands for another one, 10 s or more
/// after it has caught up.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// The database of one namespace.
pub struct Mongodb<'a> {
    namespace: &'a Namespace,
    administrator: Credential,
    app_password: String,
    /// How many there are.
    members: usize,
    /// The file of the authority that its clients trust, where it takes encrypted connections alone.
    authority: Option<PathBuf>,
}

/// What the example's Secret holds.
struct Secrets {
    username: String,
    password: String,
    app_password: String,
    keyfile: String,
}

impl Secrets {
    async fn of(namespace: &Namespace) -> Result<Self> {
        let read = async |key: &str| {
            let decode = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
            namespace.kubectl(&["get", "secret", "mongo", "-o", &decode]).await
        };
        Ok(Self {
            username: read("username").await?,
            password: read("password").await?,
            app_password: read("app-password").await?,
            keyfile: read("keyfile").await?,
        })
    }
}

impl<'a> Mongodb<'a> {
    /// Deploys `examples/mongodb` with a version and waits until both secondaries are in sync.
    pub async fn deploy(namespace: &'a Namespace, version: &str) -> Result<Self> {
        Self::deploy_with(namespace, version, &[]).await
    }

    /// The same, with more words on the servers' command line.
    pub async fn deploy_with(namespace: &'a Namespace, version: &str, arguments: &[&str]) -> Result<Self> {
        overlay::apply_with(namespace, "mongodb", version, arguments).await?;
        namespace
            .kubectl(&["wait", "job/mongo-form-set", "--for", "condition=complete", "--timeout", FORMED_WITHIN])
            .await?;
        let database = Self::with(namespace, 3, Secrets::of(namespace).await?, None);
        database.in_sync(Duration::from_secs(30)).await?;
        Ok(database)
    }

    /// A set of so many members as there are words about them. Each is what the set's configuration says of that member
    /// beside its name: `priority`, `hidden`, `arbiterOnly`, `secondaryDelaySecs`. Waits until all are in sync, and one leads
    /// that nobody is preferred to.
    pub async fn deploy_shaped(
        namespace: &'a Namespace,
        version: &str,
        arguments: &[&str],
        members: &[Document],
    ) -> Result<Self> {
        Self::form(namespace, version, &overlay::more_words(arguments), members, None).await
    }

    /// A set of three that takes encrypted connections alone (`requireTLS`), with certificates of its own authority.
    pub async fn deploy_encrypted(namespace: &'a Namespace, version: &str) -> Result<Self> {
        let authority = tls::prepare(namespace).await?;
        Self::form(namespace, version, &tls::patches(), &[doc! {}, doc! {}, doc! {}], Some(authority)).await
    }

    async fn form(
        namespace: &'a Namespace,
        version: &str,
        patches: &[Value],
        members: &[Document],
        authority: Option<PathBuf>,
    ) -> Result<Self> {
        let patches = [&form::patches(members.len())[..], patches].concat();
        overlay::apply_patched(namespace, "mongodb", version, &patches).await?;
        let secrets = Secrets::of(namespace).await?;
        let encrypted = authority.is_some();
        form::form(namespace, &hosts(namespace, members.len()), members, &secrets, encrypted).await?;
        let database = Self::with(namespace, members.len(), secrets, authority);
        until("one leads that nobody is preferred to", SETTLED_WITHIN, async || {
            let primary = database.primary().await?;
            ensure!(form::preferred(members).any(|ordinal| primary == format!("mongo-{ordinal}")), "{primary} leads");
            Ok(())
        })
        .await?;
        let primary = database.primary().await?;
        form::is_as_said(&database.command(&primary, doc! { "replSetGetConfig": 1 }).await?, members)?;
        database.in_sync(Duration::from_secs(30)).await?;
        Ok(database)
    }

    fn with(namespace: &'a Namespace, members: usize, secrets: Secrets, authority: Option<PathBuf>) -> Self {
        let administrator = Credential::builder()
            .username(secrets.username)
            .password(secrets.password)
            .source("admin".to_owned())
            .build();
        Self { namespace, administrator, app_password: secrets.app_password, members, authority }
    }

    /// The namespace it is in.
    pub fn namespace(&self) -> &Namespace {
        self.namespace
    }

    /// For a load through PyMongo; the database itself is the way through the `mongodb` crate.
    pub async fn through_pymongo(&self) -> Result<Door> {
        Ok(PymongoDoor::of(self).await?.into())
    }

    /// The password of `app`, who reads and writes the database of that name.
    pub(crate) fn app_password(&self) -> &str {
        &self.app_password
    }

    /// The file of the authority that clients trust, where connections are encrypted.
    pub(crate) fn authority(&self) -> Option<&Path> {
        self.authority.as_deref()
    }

    /// The members' names, as in the set's configuration and in an application's.
    pub(crate) fn hosts(&self) -> Vec<String> {
        hosts(self.namespace, self.members)
    }

    /// Its pods, by name.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        pods(self.namespace).await
    }

    /// A client of the administrator's of one member, whatever that member is, for whoever has more than one thing to say.
    pub async fn link(&self, pod: &str) -> Result<Client> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        dial(found, &self.administrator, self.authority.is_some())
    }

    /// What one member answers to a command of its administrator's.
    pub async fn command(&self, pod: &str, command: Document) -> Result<Document> {
        let link = self.link(pod).await?;
        let answer = timeout(ORDERED_WITHIN, link.database("admin").run_command(command)).await;
        answer.context("no answer").and_then(|answer| Ok(answer?)).with_context(|| pod.to_owned())
    }

    /// The one member that leads; an error while there is none, or more than one.
    pub async fn primary(&self) -> Result<String> {
        let states = self.states(&self.pods().await?).await?;
        let mut primaries: Vec<_> = states.into_iter().filter(|state| state.says == "PRIMARY").collect();
        ensure!(primaries.len() == 1, "{} members lead", primaries.len());
        Ok(primaries.remove(0).pod)
    }

    /// Waits until every member of the configuration has a pod that is ready, one leads, and all others follow it and have
    /// what it had a second ago, or before their delay.
    pub async fn in_sync(&self, patience: Duration) -> Result<()> {
        until("the database is in sync", patience, async || {
            let pods = self.pods().await?;
            for pod in &pods {
                ensure!(pod.ready, "{} is not ready", pod.name);
            }
            let states = self.states(&pods).await?;
            ensure!(pods.len() == states.len(), "{} pods and {} members", pods.len(), states.len());
            let (primaries, others): (Vec<_>, Vec<_>) = states.iter().partition(|state| state.says == "PRIMARY");
            ensure!(primaries.len() == 1, "{} members lead", primaries.len());
            others.into_iter().try_for_each(|state| state.follows(primaries[0]))
        })
        .await
    }

    /// What each member says of itself.
    async fn states(&self, pods: &[Pod]) -> Result<Vec<State>> {
        let mut told = HashMap::new();
        let mut configuration = None;
        for pod in pods {
            let link = dial(pod, &self.administrator, self.authority.is_some())?;
            let status = ask(&link, "admin", doc! { "replSetGetStatus": 1 }).await;
            if status.is_ok() && configuration.is_none() {
                configuration = Some(ask(&link, "admin", doc! { "replSetGetConfig": 1 }).await?);
            }
            told.insert(pod.name.clone(), status);
        }
        let Some(configuration) = configuration else {
            told.into_values().collect::<Result<Vec<_>>>()?;
            bail!("there is no pod");
        };
        State::of_all(&configuration, &told)
    }
}

fn hosts(namespace: &Namespace, members: usize) -> Vec<String> {
    let name = namespace.name();
    (0..members).map(|ordinal| format!("mongo-{ordinal}.mongo.{name}.svc.cluster.local")).collect()
}

async fn pods(namespace: &Namespace) -> Result<Vec<Pod>> {
    let told = namespace.get(&["pods", "--selector", "app.kubernetes.io/name=mongo"]).await?;
    Ok(told["items"].as_array().into_iter().flatten().map(Pod::from).collect())
}

/// By address, and this member alone.
fn dial(pod: &Pod, credential: &Credential, encrypted: bool) -> Result<Client> {
    let address: Ipv4Addr = pod.address.as_deref().with_context(|| format!("{} has no address", pod.name))?.parse()?;
    let mut options = ClientOptions::builder()
        .hosts(vec![ServerAddress::Tcp { host: address.to_string(), port: None }])
        .direct_connection(true)
        .credential(credential.clone())
        .connect_timeout(PATIENCE)
        .server_selection_timeout(PATIENCE)
        .build();
    // The certificate is for the member's name, and this is its address.
    options.tls = encrypted.then(|| TlsOptions::builder().allow_invalid_certificates(true).build().into());
    Ok(Client::with_options(options)?)
}

async fn ask(client: &Client, database: &str, command: Document) -> Result<Document> {
    let database = client.database(database);
    Ok(timeout(PATIENCE, database.run_command(command)).await.context("no answer")??)
}
