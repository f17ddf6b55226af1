//! The load's client of MongoDB: the official driver, which knows the members by the set's own configuration, finds the
//! primary, and sends a write a second time when the first attempt may be repeated (`retryWrites`, its default).

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, Credential, ReadConcern, ServerAddress, TlsOptions, WriteConcern};
use mongodb::{Client, Collection};
use tokio::time::timeout;

use super::driver::Answer;
use super::inside;
use crate::Mongodb;

/// How long one attempt to connect may take, as for the other databases. The address of a pod that is gone swallows packets
/// for about 3 s before anybody says that nobody is there.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// How long a write waits for a primary: as long as that of the Redis driver. The default is 30 s.
pub(super) const PRIMARY_WITHIN: Duration = Duration::from_secs(5);

/// How long a write may take. The driver has no limit for it: an attempt waits until there is a majority. Twice the above,
/// because the second attempt waits for a primary as well.
pub(super) const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// What a server of 6.0 or later says with an error when no attempt has written anything.
const NOTHING_WRITTEN: &str = "NoWritesPerformed";

/// Where the database is, for a new client.
#[derive(Debug, Clone)]
pub(in crate::load) struct Door {
    /// Prints no password.
    pub(super) options: Arc<ClientOptions>,
    /// This load's own: what an earlier one left behind must not stand in for what this one lost.
    pub(super) collection: String,
}

/// A client. The driver keeps a connection or more to each member, watches all of them, and mends what breaks.
pub(in crate::load) struct Link {
    writes: Collection<Document>,
}

impl Door {
    pub(super) fn of(database: &Mongodb<'_>) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let credential = Credential::builder()
            .username("app".to_owned())
            .password(database.app_password().to_owned())
            .source("app".to_owned())
            .build();
        // Everything else is the driver's default: writes are sent twice where that is safe, members are looked at every 10 s
        // and at once after an error. The write concern is the default of a server of 5.0 or later, save in a set with an arbiter:
        // there it is one member, which may be gone the next moment, and no promise that anybody could be held to.
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
        let collection = format!("load_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        Self { options: Arc::new(options), collection }
    }

    /// A client that has spoken with the primary once.
    pub(super) async fn open(&self) -> Result<Link> {
        let door = self.clone();
        let opened = inside::runtime()?.spawn(async move {
            let writes = door.collection()?;
            writes.find_one(doc! {}).await?;
            anyhow::Ok(Link { writes })
        });
        opened.await?
    }

    pub(super) async fn make_collection(&self) -> Result<()> {
        let door = self.clone();
        let made = inside::runtime()?.spawn(async move {
            let writes = door.collection()?;
            writes.drop().await?;
            let database = writes.client().default_database().context("a database is named")?;
            Ok(database.create_collection(door.collection).await?)
        });
        made.await?
    }

    fn collection(&self) -> Result<Collection<Document>> {
        let client = Client::with_options(ClientOptions::clone(&self.options))?;
        Ok(client.default_database().context("a database is named")?.collection(&self.collection))
    }
}

impl Link {
    /// Inserts one document. Its name is its own, so that a second attempt cannot make a second one.
    pub(super) async fn write(&mut self, writer: &str, number: u64) -> Answer {
        let writes = self.writes.clone();
        let Ok(signed) = i64::try_from(number) else { return Answer::Failed("never sent: too many".to_owned()) };
        let document = doc! { "_id": format!("{writer}/{number}"), "writer": writer, "number": signed };
        let inside = match inside::runtime() {
            Ok(inside) => inside,
            Err(error) => return Answer::Failed(format!("never sent: {error:#}")),
        };
        let sent = inside.spawn(async move { timeout(WRITE_WITHIN, writes.insert_one(document)).await });
        match sent.await {
            Ok(Ok(Ok(_))) => Answer::Acknowledged,
            Ok(Ok(Err(error))) => refused(&error),
            Ok(Err(_)) => Answer::Unknown("no answer".to_owned()),
            Err(error) => Answer::Unknown(format!("the writer's thread: {error}")),
        }
    }

    /// The documents of a writer, as a majority has them.
    pub(super) async fn numbers(&mut self, writer: &str) -> Result<HashSet<u64>> {
        let (writes, writer) = (self.writes.clone(), writer.to_owned());
        let read = inside::runtime()?.spawn(async move {
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
        bail!("{name} is called {:?}", document.get("_id"));
    }
    Ok(number)
}

/// What an error says of the write. The driver gives up after a second attempt, and tells of one of the two: only where no
/// attempt was sent, or the server says that none did anything, it is known what became of it. A member that is no primary
/// (any more) has said no, but a server of 5.0 says so after a first attempt too that broke off in the middle.
fn refused(error: &Error) -> Answer {
    match *error.kind {
        ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. } => {
            Answer::Failed(format!("never sent: {}", error.kind))
        }
        _ if error.contains_label(NOTHING_WRITTEN) => Answer::Failed(error.kind.to_string()),
        _ => Answer::Unknown(error.kind.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use mongodb::Client;
    use mongodb::bson::{Document, doc};
    use mongodb::options::{ClientOptions, ServerAddress};

    use super::{Answer, Error, refused};

    #[test]
    fn a_connection_that_broke_is_no_refusal() {
        let broke = Error::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(matches!(refused(&broke), Answer::Unknown(_)));
    }

    #[tokio::test]
    async fn what_found_no_primary_was_never_sent() {
        // Nobody listens on port 1.
        let nobody = ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(1) };
        let options =
            ClientOptions::builder().hosts(vec![nobody]).server_selection_timeout(Duration::from_millis(50)).build();
        let client = Client::with_options(options).expect("options");
        let sent = client.database("app").collection::<Document>("load").insert_one(doc! {}).await;
        let answer = refused(&sent.expect_err("nobody listens"));
        assert!(matches!(&answer, Answer::Failed(why) if why.starts_with("never sent")), "{answer:?}");
    }
}
