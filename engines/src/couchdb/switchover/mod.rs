//! TOUCH. CouchDB has no primary to switch over. Before a node is restarted it is taken off the load balancers, and put back
//! where it was not restarted after all. Only the files of this folder change a CouchDB, except for the canary's own database.
//!
//! `maintenance_mode` is a setting like any other: set over HTTP it is written to a file as well (`local.d`), and a node
//! restarted with it on its volume would come back and stay away from its clients for good. So it is set with
//! `X-Couch-Persist: false` (CouchDB's source, `chttpd_node.erl`; the manual does not name it): it lasts as long as the
//! server's process. A mark beside it, in a configuration section of this tool, says that this tool has set it and what its
//! value was before. `resume`, `abort` and an operation that stops find the mark, also when the machine that set it has died,
//! and also if a server should have kept both over a restart.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::HttpAnswer;
use super::connections::{Connection, Connections, refusal};
use crate::{Endpoint, Prepared, ServerError, SwitchoverError};

/// The setting that takes a node off the load balancers.
const MODE: &str = "/_node/_local/_config/couchdb/maintenance_mode";

/// This tool's mark: the setting's value before, or an empty text where it was not set. CouchDB itself has no section of that
/// name.
const BEFORE: &str = "/_node/_local/_config/kubectl_stateful/maintenance_mode_before";

/// With this header a setting is kept in the server's memory only, and is gone after a restart.
const UNTIL_RESTARTED: &[(&str, &str)] = &[("x-couch-persist", "false")];

/// How long load balancers, and the readiness probe of the pod, may take to notice: the official chart's probe asks every 10 s
/// and fails the pod after the third "no". A load balancer that does not ask `_up` at all would not notice later either: its
/// clients are cut off as in any restart, and lose nothing that was acknowledged.
const NOTICED_WITHIN: Duration = Duration::from_secs(45);

/// Between two checks whether they have noticed: probes are not more frequent.
const POLL: Duration = Duration::from_secs(1);

/// Since when each incarnation of a member has been off the load balancers.
pub(super) type OffSince = Mutex<HashMap<String, Instant>>;

/// Takes a member off the load balancers, and says when they had time to notice.
pub(super) async fn leave_load_balancers(
    connections: &Connections,
    off_since: &OffSince,
    endpoints: &[Endpoint],
    member: &str,
) -> Result<Prepared, SwitchoverError> {
    let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.member == member) else {
        return Ok(Prepared::Ready);
    };
    let unreachable =
        |why: ServerError| SwitchoverError::Unreachable { member: member.to_owned(), why: why.to_string() };
    // A member that is down serves no clients.
    let Some((mut connection, mode)) = reach(connections, endpoint, MODE).await.map_err(unreachable)? else {
        return Ok(Prepared::Ready);
    };
    let prepared = match mode.as_deref() {
        Some("nolb") => {
            let since = *off_since.lock().await.entry(endpoint.incarnation.clone()).or_insert_with(Instant::now);
            if since.elapsed() > NOTICED_WITHIN {
                Prepared::Ready
            } else {
                sleep(POLL).await;
                Prepared::OnceNotReady(format!("load balancers have yet to notice that {member} takes no new clients"))
            }
        }
        // The node takes part in no request; the administrator who set this has taken it off the load balancers.
        Some("true") => Prepared::Ready,
        before => {
            // The mark first: the mark without the setting does no harm, but a setting without the mark would be taken for an
            // administrator's and stay.
            set(&mut connection, BEFORE, before.unwrap_or_default()).await.map_err(unreachable)?;
            set(&mut connection, MODE, "nolb").await.map_err(unreachable)?;
            off_since.lock().await.insert(endpoint.incarnation.clone(), Instant::now());
            Prepared::LookAgain(format!(
                "{member} tells load balancers to send it no clients (maintenance_mode = nolb)"
            ))
        }
    };
    connections.keep(endpoint, connection).await;
    Ok(prepared)
}

/// Puts every member that has this tool's mark back on the load balancers.
pub(super) async fn return_to_load_balancers(connections: &Connections, endpoints: &[Endpoint]) -> Vec<String> {
    let mut notes = Vec::new();
    for endpoint in endpoints {
        // A member that is down has lost the setting, or will show the mark when it is back.
        let member = &endpoint.member;
        let reverted = match reach(connections, endpoint, BEFORE).await {
            Ok(Some((mut connection, before))) => revert(&mut connection, before).await,
            // A server that does not run has forgotten it. One that runs and is out of reach has not.
            Ok(None) if endpoint.dial_config.is_ok() => Err(ServerError::Connection("it does not answer".to_owned())),
            Ok(None) => continue,
            Err(why) => Err(why),
        };
        match reverted {
            Ok(None) => {}
            Ok(Some(done)) => notes.push(format!("{member} {done}")),
            Err(why) => notes.push(format!(
                "{member} may still tell load balancers to send it no clients ({why}); by hand, on it: curl -X PUT -d \
                 '\"false\"' localhost:5984{MODE}"
            )),
        }
    }
    notes
}

/// A connection to a member and its answer about a setting; none where it is down. A port-forward accepts connections to a pod
/// whose server does not run, and then closes them; and a connection that was kept may have been closed long ago.
async fn reach(
    connections: &Connections,
    endpoint: &Endpoint,
    setting: &str,
) -> Result<Option<(Connection, Option<String>)>, ServerError> {
    let Ok(mut kept) = connections.to(endpoint).await else { return Ok(None) };
    match read_setting(&mut kept, setting).await {
        Err(ServerError::Connection(_)) => {}
        answered => return answered.map(|value| Some((kept, value))),
    }
    let Ok(mut new) = Connection::to(endpoint).await else { return Ok(None) };
    match read_setting(&mut new, setting).await {
        Err(ServerError::Connection(_)) => Ok(None),
        answered => answered.map(|value| Some((new, value))),
    }
}

/// Reverts a member's setting to the value before, where this tool's mark has one. Returns what was done, if there was anything
/// to revert.
async fn revert(connection: &mut Connection, before: Option<String>) -> Result<Option<String>, ServerError> {
    let Some(before) = before else { return Ok(None) };
    let ours = read_setting(connection, MODE).await?.as_deref() == Some("nolb");
    if ours && before.is_empty() {
        remove(connection, MODE).await?;
    } else if ours {
        set(connection, MODE, &before).await?;
    }
    remove(connection, BEFORE).await?;
    Ok(ours.then(|| "is out of maintenance mode (nolb) again".to_owned()))
}

/// Reads a setting, where it is set.
async fn read_setting(connection: &mut Connection, path: &str) -> Result<Option<String>, ServerError> {
    let answer = send(connection, Method::GET, path, None).await?;
    match answer.status {
        200 => Ok(answer.body.as_str().map(ToOwned::to_owned)),
        404 => Ok(None),
        _ => Err(refusal(path, &answer)),
    }
}

async fn set(connection: &mut Connection, path: &str, value: &str) -> Result<(), ServerError> {
    let answer = send(connection, Method::PUT, path, Some(&Value::from(value))).await?;
    if answer.status == 200 { Ok(()) } else { Err(refusal(path, &answer)) }
}

/// Removes a setting. Where it is not set there is nothing to do.
async fn remove(connection: &mut Connection, path: &str) -> Result<(), ServerError> {
    let answer = send(connection, Method::DELETE, path, None).await?;
    if [200, 404].contains(&answer.status) { Ok(()) } else { Err(refusal(path, &answer)) }
}

async fn send(
    connection: &mut Connection,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<HttpAnswer, ServerError> {
    connection.ask(method, path, UNTIL_RESTARTED, body).await.map_err(ServerError::from)
}
