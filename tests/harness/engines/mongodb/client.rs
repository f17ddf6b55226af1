//! The load's client of MongoDB: the official driver of this language, which learns the members from the set's configuration, finds
//! the primary, and sends a write a second time when the first attempt may be repeated (`retryWrites`, its default).

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, Credential, ReadConcern, ServerAddress, Socks5Proxy, TlsOptions, WriteConcern};
use mongodb::{Client as MongodbClient, Collection};
use tokio::time::timeout;

use super::Mongodb;
use crate::cluster::SocksProxy;
use crate::engines::Deployment;
use crate::load::{Client, Driver, WriteOutcome, cluster_dns};

/// How long one attempt to connect may take, as for the other databases. For about 3 s the address of a deleted pod swallows
/// packets, until the network answers that the host is gone.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long a write waits for a primary: as long as that of the Redis driver. The default is 30 s.
pub(super) const PRIMARY_WITHIN: Duration = Duration::from_secs(5);

/// How long a write may take. The driver sets no limit: an attempt waits until a majority has the write. Twice
/// `PRIMARY_WITHIN`, because the second attempt waits for a primary as well.
pub(super) const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// The label that a server of 6.0 or later adds to an error when no attempt has written anything.
const NOTHING_WRITTEN: &str = "NoWritesPerformed";

/// How a new client reaches the set.
#[derive(Debug, Clone)]
pub(super) struct RustDriver {
    /// Its `Debug` prints no password.
    pub(super) options: Arc<ClientOptions>,
    /// This load's own: documents of an earlier load must not stand in for documents that this one lost.
    pub(super) collection: String,
    /// Through which the driver connects, where the members' names are unknown and their addresses cannot be reached.
    _proxy: Option<Arc<SocksProxy>>,
}

/// A client. The driver keeps connections to each member, monitors all of them, and replaces those that break.
struct RustClient {
    writes: Collection<Document>,
}

impl RustDriver {
    pub(super) async fn new(database: &Mongodb) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let credential = Credential::builder()
            .username("app".to_owned())
            .password(database.app_password().to_owned())
            .source("app".to_owned())
            .build();
        // Everything else is the driver's default: it repeats a write once where that is safe, and checks the members every 10 s
        // and at once after an error. The write concern `majority` is the default of a server of 5.0 or later, except in a set with
        // an arbiter: there the default is one member, and a write that only one member has may be lost with it.
        let hosts: Vec<_> = database.hosts().into_iter().map(|host| ServerAddress::Tcp { host, port: None }).collect();
        let mut options = ClientOptions::builder()
            .hosts(hosts)
            .repl_set_name("rs0".to_owned())
            .default_database("app".to_owned())
            .credential(credential)
            .app_name("load".to_owned())
            .write_concern(WriteConcern::majority())
            .connect_timeout(CONNECT_WITHIN)
            .server_selection_timeout(PRIMARY_WITHIN)
            .build();
        let trust = |file: &Path| TlsOptions::builder().ca_file_path(file.to_owned()).build().into();
        options.tls = database.authority().map(trust);
        let cluster = database.namespace().cluster();
        let proxy = if cluster.needs_port_forwards() { Some(SocksProxy::start(cluster).await?) } else { None };
        let through = |proxy: &SocksProxy| {
            let address = proxy.address();
            Socks5Proxy::builder().host(address.ip().to_string()).port(address.port()).build()
        };
        options.socks5_proxy = proxy.as_ref().map(through);
        let collection = format!("load_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Ok(Self { options: Arc::new(options), collection, _proxy: proxy.map(Arc::new) })
    }

    /// A client that the primary has answered once.
    async fn client(&self) -> Result<RustClient> {
        let driver = self.clone();
        let connected = cluster_dns::runtime()?.spawn(async move {
            let writes = driver.collection()?;
            writes.find_one(doc! {}).await?;
            anyhow::Ok(RustClient { writes })
        });
        connected.await?
    }

    pub(super) async fn create_collection(&self) -> Result<()> {
        let driver = self.clone();
        let created = cluster_dns::runtime()?.spawn(async move {
            let writes = driver.collection()?;
            writes.drop().await?;
            let database = writes.client().default_database().context("a database is named")?;
            Ok(database.create_collection(driver.collection).await?)
        });
        created.await?
    }

    /// The documents of a writer, as a majority has them.
    pub(super) async fn find(&self, writer: &str) -> Result<HashSet<u64>> {
        self.client().await?.find(writer).await
    }

    fn collection(&self) -> Result<Collection<Document>> {
        let client = MongodbClient::with_options(ClientOptions::clone(&self.options))?;
        Ok(client.default_database().context("a database is named")?.collection(&self.collection))
    }
}

impl Driver for RustDriver {
    fn prepare(&self) -> BoxFuture<'_, Result<()>> {
        self.create_collection().boxed()
    }

    fn connect(&self) -> BoxFuture<'_, Result<Box<dyn Client>>> {
        async { Ok(Box::new(self.client().await?) as Box<dyn Client>) }.boxed()
    }
}

impl Client for RustClient {
    fn write<'a>(&'a mut self, key: &'a str, number: u64) -> BoxFuture<'a, WriteOutcome> {
        self.insert(key, number).boxed()
    }

    fn read_back<'a>(&'a mut self, key: &'a str) -> BoxFuture<'a, Result<HashSet<u64>>> {
        self.find(key).boxed()
    }
}

impl RustClient {
    /// Inserts one document. Its `_id` is made of writer and number, so that a second attempt cannot make a second one.
    async fn insert(&mut self, writer: &str, number: u64) -> WriteOutcome {
        let writes = self.writes.clone();
        let Ok(signed) = i64::try_from(number) else { return WriteOutcome::Failed("never sent: too many".to_owned()) };
        let document = doc! { "_id": format!("{writer}/{number}"), "writer": writer, "number": signed };
        let runtime = match cluster_dns::runtime() {
            Ok(runtime) => runtime,
            Err(error) => return WriteOutcome::Failed(format!("never sent: {error:#}")),
        };
        let sent = runtime.spawn(async move { timeout(WRITE_WITHIN, writes.insert_one(document)).await });
        match sent.await {
            Ok(Ok(Ok(_))) => WriteOutcome::Acknowledged,
            Ok(Ok(Err(error))) => outcome_of(&error),
            Ok(Err(_)) => WriteOutcome::Unknown("no answer".to_owned()),
            Err(error) => WriteOutcome::Unknown(format!("the writer's thread: {error}")),
        }
    }

    async fn find(&self, writer: &str) -> Result<HashSet<u64>> {
        let (writes, writer) = (self.writes.clone(), writer.to_owned());
        let read = cluster_dns::runtime()?.spawn(async move {
            let found = writes.find(doc! { "writer": writer }).read_concern(ReadConcern::majority()).await?;
            let documents: Vec<Document> = found.try_collect().await?;
            documents.iter().map(number).collect()
        });
        timeout(WRITE_WITHIN, read).await.context("no answer")??
    }
}

fn number(document: &Document) -> Result<u64> {
    let number = u64::try_from(document.get_i64("number")?)?;
    let name = format!("{}/{number}", document.get_str("writer")?);
    if document.get_str("_id")? != name {
        bail!("the _id of {name} is {:?}", document.get("_id"));
    }
    Ok(number)
}

/// What an error tells about the write. The driver gives up after a second attempt, and reports one of the two: it is known that
/// the write did nothing only where no attempt was sent, or where the server says so. An error "not primary" is not enough: a
/// server of 5.0 returns it also when the first attempt broke off in the middle.
fn outcome_of(error: &Error) -> WriteOutcome {
    match *error.kind {
        ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. } => {
            WriteOutcome::Failed(format!("never sent: {}", error.kind))
        }
        _ if error.contains_label(NOTHING_WRITTEN) => WriteOutcome::Failed(error.kind.to_string()),
        _ => WriteOutcome::Unknown(error.kind.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use mongodb::bson::{Document, doc};
    use mongodb::options::{ClientOptions, ServerAddress};

    use super::{Error, MongodbClient, WriteOutcome, outcome_of};

    #[test]
    fn after_a_broken_connection_a_write_is_unknown() {
        let broke = Error::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(matches!(outcome_of(&broke), WriteOutcome::Unknown(_)));
    }

    #[tokio::test]
    async fn a_write_that_found_no_primary_was_never_sent() {
        // No server listens on port 1.
        let unused = ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(1) };
        let options =
            ClientOptions::builder().hosts(vec![unused]).server_selection_timeout(Duration::from_millis(50)).build();
        let client = MongodbClient::with_options(options).expect("options");
        let sent = client.database("app").collection::<Document>("load").insert_one(doc! {}).await;
        let outcome = outcome_of(&sent.expect_err("no server listens"));
        assert!(matches!(&outcome, WriteOutcome::Failed(why) if why.starts_with("never sent")), "{outcome:?}");
    }
}
