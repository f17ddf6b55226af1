//! TOUCH. There is no role to switch over; what is left is to let nobody be led to a node that is about to be restarted, and to
//! take that back where it was not restarted after all. Only the files of this folder change a CouchDB, the canary's own
//! database apart.
//!
//! `maintenance_mode` is a setting like any other: set over HTTP it is written to a file as well (`local.d`), and a node
//! restarted with it on its volume would come back and stay away from its clients for good. So it is set with
//! `X-Couch-Persist: false` (CouchDB's source, `chttpd_node.erl`; the manual does not name it): it lasts as long as the
//! process. A mark beside it, in a section of our own, says that it is ours and what was there before: whoever takes up,
//! ends or leaves an operation finds it there, also after the machine that set it has died, and also where some server
//! should have kept both all the same.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::Told;
use super::connections::{Connections, Link, refusal};
use crate::{Endpoint, Prepared, ServerError, SwitchoverError};

/// The setting.
const MODE: &str = "/_node/_local/_config/couchdb/maintenance_mode";

/// Our mark: what the setting was before; an empty text where there was none. No section of CouchDB's has that name.
const BEFORE: &str = "/_node/_local/_config/kubectl_stateful/maintenance_mode_before";

/// Kept by the process alone, and gone with it.
const UNTIL_RESTARTED: &[(&str, &str)] = &[("x-couch-persist", "false")];

/// How long load balancers, and the readiness of the pod, may take to see it: the official chart's probe asks every 10 s and
/// believes the third "no". Where whoever leads clients does not ask `_up` at all, waiting longer would not help: they are
/// cut off then as in any restart, and lose nothing that was acknowledged.
const SEEN_WITHIN: Duration = Duration::from_secs(45);

/// Between two looks at whether they have: a probe cannot be faster.
const LOOK: Duration = Duration::from_secs(1);

/// Since when a member's incarnation has been asking to be left.
pub(super) type Asked = Mutex<HashMap<String, Instant>>;

/// Lets load balancers lead nobody to a member any more, and says when they had time to see it.
pub(super) async fn leave_balancers(
    connections: &Connections,
    asked: &Asked,
    endpoints: &[Endpoint],
    member: &str,
) -> Result<Prepared, SwitchoverError> {
    let Some(endpoint) = endpoints.iter().find(|endpoint| endpoint.member == member) else {
        return Ok(Prepared::Ready);
    };
    // One that is down serves nobody.
    let Ok(mut link) = connections.to(endpoint).await else { return Ok(Prepared::Ready) };
    let no_way = |why: ServerError| SwitchoverError::NoWay { member: member.to_owned(), why: why.to_string() };
    let prepared = match setting(&mut link, MODE).await.map_err(no_way)?.as_deref() {
        Some("nolb") => {
            let since = *asked.lock().await.entry(endpoint.incarnation.clone()).or_insert_with(Instant::now);
            if since.elapsed() > SEEN_WITHIN {
                Prepared::Ready
            } else {
                sleep(LOOK).await;
                Prepared::OnceNobodyIsLedToIt(format!("load balancers have yet to see that {member} wants no clients"))
            }
        }
        // It takes part in nothing: whoever set that has seen to it.
        Some("true") => Prepared::Ready,
        before => {
            // The mark first: without the setting it does no harm, the setting without it would be somebody's.
            set(&mut link, BEFORE, before.unwrap_or_default()).await.map_err(no_way)?;
            set(&mut link, MODE, "nolb").await.map_err(no_way)?;
            asked.lock().await.insert(endpoint.incarnation.clone(), Instant::now());
            Prepared::LookAgain(format!("{member} tells load balancers to lead nobody to it (maintenance_mode = nolb)"))
        }
    };
    connections.keep(endpoint, link).await;
    Ok(prepared)
}

/// Takes it back wherever our mark is.
pub(super) async fn come_back(connections: &Connections, endpoints: &[Endpoint]) -> Vec<String> {
    let mut told = Vec::new();
    for endpoint in endpoints {
        // One that is down has forgotten it, or says so when it is back.
        let Ok(mut link) = connections.to(endpoint).await else { continue };
        let member = &endpoint.member;
        match undo(&mut link).await {
            Ok(None) => {}
            Ok(Some(done)) => told.push(format!("{member} {done}")),
            Err(why) => told.push(format!(
                "{member} may still tell load balancers to lead nobody to it ({why}); by hand, on it: curl -X PUT -d \
                 '\"false\"' localhost:5984{MODE}"
            )),
        }
    }
    told
}

/// What was done, if anything was to be.
async fn undo(link: &mut Link) -> Result<Option<String>, ServerError> {
    let Some(before) = setting(link, BEFORE).await? else { return Ok(None) };
    let ours = setting(link, MODE).await?.as_deref() == Some("nolb");
    if ours && before.is_empty() {
        forget(link, MODE).await?;
    } else if ours {
        set(link, MODE, &before).await?;
    }
    forget(link, BEFORE).await?;
    Ok(ours.then(|| "is out of maintenance mode (nolb) again".to_owned()))
}

/// A setting, where there is one.
async fn setting(link: &mut Link, path: &str) -> Result<Option<String>, ServerError> {
    let told = asked(link, Method::GET, path, None).await?;
    match told.status {
        200 => Ok(told.body.as_str().map(ToOwned::to_owned)),
        404 => Ok(None),
        _ => Err(refusal(path, &told)),
    }
}

async fn set(link: &mut Link, path: &str, value: &str) -> Result<(), ServerError> {
    let told = asked(link, Method::PUT, path, Some(&Value::from(value))).await?;
    if told.status == 200 { Ok(()) } else { Err(refusal(path, &told)) }
}

/// One that is not there is forgotten already.
async fn forget(link: &mut Link, path: &str) -> Result<(), ServerError> {
    let told = asked(link, Method::DELETE, path, None).await?;
    if [200, 404].contains(&told.status) { Ok(()) } else { Err(refusal(path, &told)) }
}

async fn asked(link: &mut Link, method: Method, path: &str, body: Option<&Value>) -> Result<Told, ServerError> {
    link.ask(method, path, UNTIL_RESTARTED, body).await.map_err(ServerError::from)
}
