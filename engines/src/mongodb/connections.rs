//! Connections to members, one an incarnation, opened when first needed and kept.

use std::collections::HashMap;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{AuthMechanism, ClientOptions, Credential, ServerAddress};
use mongodb::{Client, Database};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::relay::Relay;
use crate::canary::find_usable;
use crate::{DialConfig, Endpoint, ServerError};

/// How long a member may take to answer. A healthy server answers in a millisecond; two seconds leave room for a tunnel
/// through a busy API server, and still end before an assessment grows stale (3 s).
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Where commands about a server are sent, and where its users are.
const ADMIN: &str = "admin";

/// A client of one member, and the relay that encrypts its connections.
struct RelayedClient {
    client: Client,
    relay: Option<Relay>,
}

/// The open connections, by incarnation.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<HashMap<String, RelayedClient>>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}

impl Connections {
    /// A connection to a member: the one kept, or a new one.
    pub(super) async fn to(&self, endpoint: &Endpoint) -> Result<Client, ServerError> {
        if let Some(opened) = self.open.lock().await.get(&endpoint.incarnation) {
            return Ok(opened.client.clone());
        }
        let opened = connect(endpoint.dial_config()?)?;
        let client = opened.client.clone();
        self.open.lock().await.insert(endpoint.incarnation.clone(), opened);
        Ok(client)
    }

    /// The primary's name, and a connection to it.
    pub(super) async fn find_primary(&self, endpoints: &[Endpoint]) -> Result<(String, Client), ServerError> {
        find_usable(endpoints, |endpoint| self.connect_if_primary(endpoint)).await
    }

    async fn connect_if_primary(&self, endpoint: &Endpoint) -> Result<(String, Client), ServerError> {
        let client = self.to(endpoint).await?;
        match is_writable(&client).await {
            Ok(true) => Ok((endpoint.member.clone(), client)),
            Ok(false) => Err(ServerError::Unsuitable { member: endpoint.member.clone(), why: "does not lead" }),
            Err(error) => {
                let why = self.failure(endpoint, &error).await;
                self.forget(endpoint).await;
                Err(why)
            }
        }
    }

    /// Why a member could not be asked, as a message for the user.
    pub(super) async fn failure(&self, endpoint: &Endpoint, error: &Error) -> ServerError {
        let open = self.open.lock().await;
        let last_error = open.get(&endpoint.incarnation).and_then(|opened| opened.relay.as_ref()?.last_error());
        let without_user = endpoint.dial_config.as_ref().is_ok_and(|target| target.credentials.username.is_none());
        match last_error {
            Some(why) => ServerError::Connection(format!("TLS: {why}")),
            None if without_user && is_withheld(error) => ServerError::NoEndpoint(NO_USER.to_owned()),
            None => failure(error),
        }
    }

    /// Forgets a connection that broke; the next call opens another.
    pub(super) async fn forget(&self, endpoint: &Endpoint) {
        self.open.lock().await.remove(&endpoint.incarnation);
    }
}

/// A client of one member alone, primary or not. It dials at its first question.
fn connect(target: &DialConfig) -> Result<RelayedClient, ServerError> {
    let relay = target.tls.as_ref().map(|tls| Relay::to(target, tls)).transpose()?;
    let mut options = ClientOptions::default();
    options.hosts = vec![match &relay {
        Some(relay) => ServerAddress::Unix { path: relay.path() },
        None => ServerAddress::Tcp { host: target.host.clone(), port: Some(target.port) },
    }];
    options.app_name = Some("kubectl-stateful".to_owned());
    options.direct_connection = Some(true);
    options.connect_timeout = Some(PATIENCE);
    options.server_selection_timeout = Some(PATIENCE);
    // The caller has to see each error, so the driver must not repeat a question by itself.
    options.retry_reads = Some(false);
    options.retry_writes = Some(false);
    options.credential = target.credentials.username.as_ref().map(|username| {
        let mut credential = Credential::default();
        credential.username = Some(username.clone());
        credential.password = target.credentials.password.as_ref().map(|password| password.reveal().to_owned());
        credential.source = Some(ADMIN.to_owned());
        credential
    });
    if target.tls.as_ref().is_some_and(|tls| tls.logs_in) {
        options.credential = Some(by_certificate());
    }
    let client = Client::with_options(options).map_err(|error| failure(&error))?;
    Ok(RelayedClient { client, relay })
}

/// Logs in as the user of the certificate that the relay presents in the TLS handshake (`relay.rs`).
fn by_certificate() -> Credential {
    let mut credential = Credential::default();
    credential.mechanism = Some(AuthMechanism::MongoDbX509);
    credential
}

/// Runs a command on that member, with a deadline.
pub(super) async fn ask(client: &Client, command: Document) -> Result<Document, Error> {
    ask_of(&client.database(ADMIN), command, PATIENCE).await
}

/// Runs a command with another deadline, for commands that take longer than an answer.
pub(super) async fn order(client: &Client, command: Document, patience: Duration) -> Result<Document, Error> {
    ask_of(&client.database(ADMIN), command, patience).await
}

/// Runs a command in any database.
pub(super) async fn ask_of(database: &Database, command: Document, patience: Duration) -> Result<Document, Error> {
    let mut answer = timeout(patience, database.run_command(command))
        .await
        .unwrap_or_else(|_| Err(Error::custom(format!("no answer within {patience:?}"))))?;
    // It is signed with a key of the set, and this tool has no use for it.
    answer.remove("$clusterTime");
    Ok(answer)
}

/// The error code of a server that does not allow this user to ask that, or that got no user (`Unauthorized`).
const UNAUTHORIZED: i32 = 13;

/// The error message where a server requires a user and the pod names none. So it is with MongoDB's Community operator, whose
/// pods refer to no user.
const NO_USER: &str = "it asks for a user and its pod refers to none: name one by the annotations \
                      kubectl-stateful.dev/username and kubectl-stateful.dev/password-secret (SECRET/KEY)";

/// A server's answer if it is configured for other mechanisms (`MechanismUnavailable`: "Received authentication for mechanism
/// SCRAM-SHA-256 which is not enabled").
const NOT_ENABLED: &str = "which is not enabled";

/// The error message in that case, where the server's settings cannot be read from its pod.
const NO_PASSWORDS: &str = "it takes no passwords (authenticationMechanisms): with X.509 certificates alone it is known where its \
                            arguments or its mongod.conf say so, and the certificate is its own or of the Secret in the \
                            annotation kubectl-stateful.dev/tls-client-secret (tls.crt, tls.key)";

/// Whether the server has answered that the user may not ask that.
pub(super) fn is_withheld(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(said) if said.code == UNAUTHORIZED)
}

/// Whether the server itself has refused: the command was not carried out.
pub(super) fn is_servers_refusal(error: &Error) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(_))
}

/// Whether the member takes writes.
pub(super) async fn is_writable(client: &Client) -> Result<bool, Error> {
    Ok(ask(client, doc! { "hello": 1 }).await?.get_bool("isWritablePrimary").unwrap_or(false))
}

/// A driver's error: the server's own refusal, or how the connection failed.
pub(super) fn failure(error: &Error) -> ServerError {
    if is_servers_refusal(error) { ServerError::Refused(words(error)) } else { ServerError::Connection(words(error)) }
}

/// A driver's error as a message: the server's own sentence where it gave one.
pub(super) fn words(error: &Error) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(said) => format!("{} ({})", said.message, said.code_name),
        ErrorKind::Authentication { .. } if error.to_string().contains(NOT_ENABLED) => NO_PASSWORDS.to_owned(),
        ErrorKind::Authentication { .. } => "it does not accept the user and password its pod refers to".to_owned(),
        ErrorKind::ServerSelection { .. } => format!("no connection within {PATIENCE:?}"),
        ErrorKind::Custom(why) => match why.downcast_ref::<String>() {
            Some(why) => why.clone(),
            None => error.to_string(),
        },
        _ => error.to_string(),
    }
}
