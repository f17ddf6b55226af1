//! Creates a replica set of another shape than the example's: with an arbiter, five members, priorities, hidden or delayed members.
//! The example's own Job creates only the set that most people run, so that it stays short.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::Credential;
use serde_json::{Value, json};

use super::database::{FORMED_WITHIN, Secrets, ask, client_of, pods};
use crate::{Namespace, overlay, until};

/// Members resolve one another by names that are new, and an election takes 10 to 12 s.
const CREATED_WITHIN: Duration = Duration::from_mins(1);

/// The error code of a member that belongs to a set already: the attempt before succeeded, and its answer was lost.
const ALREADY_INITIALIZED: i32 = 23;

/// The error code of a database that has this user already.
const USER_EXISTS: i32 = 51003;

/// The overlay's patches: so many pods, and no Job that creates a set of three.
pub(super) fn patches(members: usize) -> [Value; 2] {
    let no_job =
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "mongo-form-set"}, "$patch": "delete"});
    [overlay::members(members), json!({"target": {"kind": "Job"}, "patch": no_job.to_string()})]
}

/// Creates a set of the pods, each configured as its document in `shape` says, in the order of their ordinals; and the set's users.
pub(super) async fn create(
    namespace: &Namespace,
    hosts: &[String],
    shape: &[Document],
    secrets: &Secrets,
    encrypted: bool,
) -> Result<()> {
    namespace.kubectl(&["rollout", "status", "statefulset/mongo", "--timeout", FORMED_WITHIN]).await?;
    // As members authenticate to one another, while there are no users.
    let member = Credential::builder()
        .username("__system".to_owned())
        .password(secrets.keyfile.split_whitespace().collect::<String>())
        .source("local".to_owned())
        .build();
    let members: Vec<Document> = shape
        .iter()
        .zip(hosts)
        .zip(0_i32..)
        .map(|((settings, host), ordinal)| {
            let mut member = doc! { "_id": ordinal, "host": format!("{host}:27017") };
            member.extend(settings.clone());
            member
        })
        .collect();
    until("the members are a replica set", CREATED_WITHIN, async || {
        let pods = pods(namespace).await?;
        // The member that initiates the set must be electable.
        let first = shape.iter().position(is_electable).context("no member is electable")?;
        let pod = pods.iter().find(|pod| pod.name == format!("mongo-{first}")).context("it has no pod")?;
        let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": members.clone() } };
        let client = client_of(namespace, pod, &member, encrypted).await?;
        except(ALREADY_INITIALIZED, ask(&client, "admin", initiate).await)
    })
    .await?;
    let root = doc! { "createUser": &secrets.username, "pwd": &secrets.password, "roles": ["root"] };
    let app = doc! { "createUser": "app", "pwd": &secrets.app_password, "roles": ["readWrite"] };
    until("the set has its users", CREATED_WITHIN, async || {
        for pod in pods(namespace).await? {
            let client = client_of(namespace, &pod, &member, encrypted).await?;
            if ask(&client, "admin", doc! { "hello": 1 }).await?.get_bool("isWritablePrimary")? {
                except(USER_EXISTS, ask(&client, "admin", root.clone()).await)?;
                return except(USER_EXISTS, ask(&client, "app", app.clone()).await);
            }
        }
        bail!("no member is primary")
    })
    .await
}

/// Fails unless each member of a set's configuration is as its document in `shape` says.
pub(super) fn has_shape(answer: &Document, shape: &[Document]) -> Result<()> {
    let members = answer.get_document("config")?.get_array("members")?;
    ensure!(members.len() == shape.len(), "the set has {} members", members.len());
    for (settings, member) in shape.iter().zip(members) {
        let member = member.as_document().context("a member is a document")?;
        // A priority comes back as another kind of number.
        let text = |value: &Bson| value.to_string().trim_end_matches(".0").to_owned();
        let same = |(name, value): (&String, &Bson)| member.get(name).is_some_and(|kept| text(kept) == text(value));
        ensure!(settings.iter().all(same), "{settings} became {member}");
    }
    Ok(())
}

/// Whether a member may become primary, as every member may by default.
fn is_electable(settings: &Document) -> bool {
    !settings.get_bool("arbiterOnly").unwrap_or_default() && settings.get_i32("priority").unwrap_or(1) > 0
}

/// The ordinals of the members with the highest priority; the default priority is 1.
pub(super) fn preferred(shape: &[Document]) -> impl Iterator<Item = usize> {
    let priority = |member: &Document| if is_electable(member) { member.get_i32("priority").unwrap_or(1) } else { 0 };
    let highest = shape.iter().map(priority).max();
    shape.iter().enumerate().filter(move |(_, member)| Some(priority(member)) == highest).map(|(ordinal, _)| ordinal)
}

/// The answer, where the error of that code counts as success.
fn except(code: i32, answer: Result<Document>) -> Result<()> {
    let Err(error) = answer else { return Ok(()) };
    match error.downcast_ref::<Error>().map(|error| &*error.kind) {
        Some(ErrorKind::Command(error)) if error.code == code => Ok(()),
        _ => Err(error),
    }
}
