//! A set of another shape than the example's: with an arbiter, five members, priorities, hidden and delayed ones. The example's
//! script makes the one set that most people run, and is better short; so here the same is said from outside.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::Credential;
use serde_json::{Value, json};

use super::{FORMED_WITHIN, Secrets, ask, dial, pods};
use crate::{Namespace, until};

/// Members look one another up by names that have just been made, and an election takes 10 to 12 s.
const AGREED_WITHIN: Duration = Duration::from_mins(1);

/// What a member answers that belongs to a set already: the attempt before came through, and its answer did not.
const ALREADY_INITIALIZED: i32 = 23;

/// What a database answers that has this user.
const USER_EXISTS: i32 = 51003;

/// What the overlay changes: so many pods, and nobody who makes three of them a set.
pub(super) fn patches(members: usize) -> [Value; 2] {
    let replicas = json!([{"op": "replace", "path": "/spec/replicas", "value": members}]);
    let no_job =
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "mongo-form-set"}, "$patch": "delete"});
    [
        json!({"target": {"kind": "StatefulSet"}, "patch": replicas.to_string()}),
        json!({"target": {"kind": "Job"}, "patch": no_job.to_string()}),
    ]
}

/// Makes a set of the pods, each with what is said of it beside its name, by ordinal; and its users.
pub(super) async fn form(
    namespace: &Namespace,
    hosts: &[String],
    said: &[Document],
    secrets: &Secrets,
    encrypted: bool,
) -> Result<()> {
    namespace.kubectl(&["rollout", "status", "statefulset/mongo", "--timeout", FORMED_WITHIN]).await?;
    // As the members let one another in, while there are no users.
    let member = Credential::builder()
        .username("__system".to_owned())
        .password(secrets.keyfile.split_whitespace().collect::<String>())
        .source("local".to_owned())
        .build();
    let members: Vec<Document> = said
        .iter()
        .zip(hosts)
        .zip(0_i32..)
        .map(|((said, host), at)| {
            let mut member = doc! { "_id": at, "host": format!("{host}:27017") };
            member.extend(said.clone());
            member
        })
        .collect();
    until("it is a set", AGREED_WITHIN, async || {
        let pods = pods(namespace).await?;
        // The one that begins must be one that may lead.
        let first = said.iter().position(may_lead).context("no member may lead")?;
        let pod = pods.iter().find(|pod| pod.name == format!("mongo-{first}")).context("it has no pod")?;
        let initiate = doc! { "replSetInitiate": { "_id": "rs0", "members": members.clone() } };
        unless(ALREADY_INITIALIZED, ask(&dial(pod, &member, encrypted)?, "admin", initiate).await)
    })
    .await?;
    let root = doc! { "createUser": &secrets.username, "pwd": &secrets.password, "roles": ["root"] };
    let app = doc! { "createUser": "app", "pwd": &secrets.app_password, "roles": ["readWrite"] };
    until("it has its users", AGREED_WITHIN, async || {
        for pod in pods(namespace).await? {
            let link = dial(&pod, &member, encrypted)?;
            if ask(&link, "admin", doc! { "hello": 1 }).await?.get_bool("isWritablePrimary")? {
                unless(USER_EXISTS, ask(&link, "admin", root.clone()).await)?;
                return unless(USER_EXISTS, ask(&link, "app", app.clone()).await);
            }
        }
        bail!("nobody leads")
    })
    .await
}

/// Holds a set's configuration to what was said of each of its members.
pub(super) fn is_as_said(told: &Document, said: &[Document]) -> Result<()> {
    let members = told.get_document("config")?.get_array("members")?;
    ensure!(members.len() == said.len(), "{} are members", members.len());
    for (said, member) in said.iter().zip(members) {
        let member = member.as_document().context("a member is a document")?;
        // A priority comes back as another kind of number.
        let word = |value: &Bson| value.to_string().trim_end_matches(".0").to_owned();
        let same = |(name, value): (&String, &Bson)| member.get(name).is_some_and(|kept| word(kept) == word(value));
        ensure!(said.iter().all(same), "{said} became {member}");
    }
    Ok(())
}

/// By default every member may.
fn may_lead(said: &Document) -> bool {
    !said.get_bool("arbiterOnly").unwrap_or_default() && said.get_i32("priority").unwrap_or(1) > 0
}

/// The ordinals of those that nobody is preferred to: the default is 1.
pub(super) fn preferred(said: &[Document]) -> impl Iterator<Item = usize> {
    let priority = |said: &Document| if may_lead(said) { said.get_i32("priority").unwrap_or(1) } else { 0 };
    let most = said.iter().map(priority).max();
    said.iter().enumerate().filter(move |(_, said)| Some(priority(said)) == most).map(|(ordinal, _)| ordinal)
}

fn unless(code: i32, answer: Result<Document>) -> Result<()> {
    let Err(error) = answer else { return Ok(()) };
    match error.downcast_ref::<Error>().map(|error| &*error.kind) {
        Some(ErrorKind::Command(said)) if said.code == code => Ok(()),
        _ => Err(error),
    }
}
