//! `examples/mongodb`, deployed: a replica set of three members.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mongodb::Client;
use mongodb::bson::{Bson, Document, doc};
use mongodb::options::{ClientOptions, Credential, ServerAddress};
use tokio::time::timeout;

use crate::load::{Door, PymongoDoor};
use crate::{Namespace, Pod, overlay, until};

/// Three volumes, an election, and the Job that makes the set and its users, on two busy cores: 20 s when all is well.
const FORMED_WITHIN: &str = "3m";

/// Longer than any healthy answer takes, and no longer than a proof can afford for each of three.
const PATIENCE: Duration = Duration::from_secs(2);

/// How far a secondary in sync may be behind: what a step down waits for without anybody noticing.
const BEHIND: Duration = Duration::from_secs(1);

/// The database of one namespace.
pub struct Mongodb<'a> {
    namespace: &'a Namespace,
    administrator: Credential,
    app_password: String,
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
        let secret = async |key: &str| {
            let decode = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
            namespace.kubectl(&["get", "secret", "mongo", "-o", &decode]).await
        };
        let administrator = Credential::builder()
            .username(secret("username").await?)
            .password(secret("password").await?)
            .source("admin".to_owned())
            .build();
        let database = Self { namespace, administrator, app_password: secret("app-password").await? };
        database.in_sync(Duration::from_secs(30)).await?;
        Ok(database)
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

    /// The members' names, as in the set's configuration and in an application's.
    pub(crate) fn hosts(&self) -> Vec<String> {
        let name = self.namespace.name();
        (0..3).map(|ordinal| format!("mongo-{ordinal}.mongo.{name}.svc.cluster.local")).collect()
    }

    /// Its pods, by name.
    pub async fn pods(&self) -> Result<Vec<Pod>> {
        let told = self.namespace.get(&["pods", "--selector", "app.kubernetes.io/name=mongo"]).await?;
        Ok(told["items"].as_array().into_iter().flatten().map(Pod::from).collect())
    }

    /// A client of the administrator's of one member, whatever that member is, for whoever has more than one thing to say.
    pub async fn link(&self, pod: &str) -> Result<Client> {
        let pods = self.pods().await?;
        let found = pods.iter().find(|found| found.name == pod).with_context(|| format!("there is no {pod}"))?;
        self.dial(found)
    }

    /// What one member answers to a command of its administrator's.
    pub async fn command(&self, pod: &str, command: Document) -> Result<Document> {
        ask(&self.link(pod).await?, command).await.with_context(|| pod.to_owned())
    }

    /// The one member that leads; an error while there is none, or more than one.
    pub async fn primary(&self) -> Result<String> {
        let states = self.states(&self.pods().await?).await?;
        let mut primaries: Vec<_> = states.into_iter().filter(|state| state.says == "PRIMARY").collect();
        ensure!(primaries.len() == 1, "{} members lead", primaries.len());
        Ok(primaries.remove(0).pod)
    }

    /// Waits until every pod is ready, one leads, and all others follow it and have what it had a second ago.
    pub async fn in_sync(&self, patience: Duration) -> Result<()> {
        until("the database is in sync", patience, async || {
            let pods = self.pods().await?;
            ensure!(pods.len() == 3, "there are {} pods", pods.len());
            for pod in &pods {
                ensure!(pod.ready, "{} is not ready", pod.name);
            }
            let states = self.states(&pods).await?;
            let (primaries, others): (Vec<_>, Vec<_>) = states.iter().partition(|state| state.says == "PRIMARY");
            ensure!(primaries.len() == 1, "{} members lead", primaries.len());
            for state in others {
                ensure!(state.says == "SECONDARY", "{} is {}", state.pod, state.says);
                let behind = Duration::from_millis(primaries[0].at.saturating_sub(state.at));
                ensure!(behind <= BEHIND, "{} is {behind:?} behind", state.pod);
            }
            Ok(())
        })
        .await
    }

    /// What each member says of itself.
    async fn states(&self, pods: &[Pod]) -> Result<Vec<State>> {
        let mut states = Vec::new();
        for pod in pods {
            let told = ask(&self.dial(pod)?, doc! { "replSetGetStatus": 1 }).await;
            states.push(State::of(&pod.name, &told.with_context(|| pod.name.clone())?)?);
        }
        Ok(states)
    }

    /// By address, and this member alone.
    fn dial(&self, pod: &Pod) -> Result<Client> {
        let address: Ipv4Addr =
            pod.address.as_deref().with_context(|| format!("{} has no address", pod.name))?.parse()?;
        let options = ClientOptions::builder()
            .hosts(vec![ServerAddress::Tcp { host: address.to_string(), port: None }])
            .direct_connection(true)
            .credential(self.administrator.clone())
            .connect_timeout(PATIENCE)
            .server_selection_timeout(PATIENCE)
            .build();
        Ok(Client::with_options(options)?)
    }
}

async fn ask(client: &Client, command: Document) -> Result<Document> {
    let database = client.database("admin");
    Ok(timeout(PATIENCE, database.run_command(command)).await.context("no answer")??)
}

/// A member's own words.
struct State {
    pod: String,
    /// `PRIMARY`, `SECONDARY`, or what else a member can be.
    says: String,
    /// When what it has last was written, by the clock of whoever wrote it: milliseconds since 1970.
    at: u64,
}

impl State {
    fn of(pod: &str, status: &Document) -> Result<Self> {
        let members = status.get_array("members")?;
        let is_itself = |member: &&Document| member.get_bool("self").unwrap_or_default();
        let itself = members.iter().filter_map(Bson::as_document).find(is_itself);
        let itself = itself.with_context(|| format!("{pod} is in no set"))?;
        let at = itself.get_datetime("optimeDate")?.timestamp_millis();
        Ok(Self { pod: pod.to_owned(), says: itself.get_str("stateStr")?.to_owned(), at: u64::try_from(at)? })
    }
}
