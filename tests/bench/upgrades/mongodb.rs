//! MongoDB 5.0 to 6.0, through both drivers.
//!
//! The published script speaks through the `mongo` shell in the pod, which no server of the last years brings along; its
//! commands are sent to the same member by the `mongodb` crate instead. It leaves open how the pods it deletes come back
//! newer: here the template declares the new image, with `OnDelete`. Everything else is done as it is written there.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mongodb::bson::{Bson, Document, doc};
use stateful_harness::{Cluster, Deployment, Engine, Mongodb, Namespace, Plugin, until};
use tokio::time::sleep;

use super::{Comparison, IN_SYNC_WITHIN, Upgrade, measured};

/// The script waits for ever; a bench does not.
const SYNCED_WITHIN: Duration = Duration::from_mins(5);

pub(super) async fn compare(cluster: &Cluster, plugin: &Plugin) -> Result<Comparison> {
    let ours = async |mongodb: &Mongodb| {
        let plugin = plugin.clone().within(mongodb.namespace());
        plugin.run(&["upgrade", "mongo", "--image", &Mongodb::image("6.0"), "-y"]).await?.expect(0).map(drop)
    };
    let rollout = async |mongodb: &Mongodb| {
        let new = format!("mongo={}", Mongodb::image("6.0"));
        super::rolled_out(mongodb.namespace(), "statefulset/mongo", &new).await
    };
    Ok(Comparison {
        title: "MongoDB 5.0 to 6.0",
        about: "Three members (`examples/mongodb`), eight writers with `w: majority` and retryable writes: the `mongodb` crate, \
                or PyMongo with a process for each writer. The script is the published stepdown cascade (`rs.remove`, \
                delete the pod, `rs.add`, wait; `rs.stepDown(60)`, sleep 20; delete the last).",
        ways: vec![
            ("`kubectl stateful upgrade mongo -y`, `mongodb` crate", upgraded(cluster, Driver::Crate, ours).await?),
            ("the same, PyMongo", upgraded(cluster, Driver::Pymongo, ours).await?),
            (
                "`kubectl set image`, `kubectl rollout status`, `mongodb` crate",
                upgraded(cluster, Driver::Crate, rollout).await?,
            ),
            ("the same, PyMongo", upgraded(cluster, Driver::Pymongo, rollout).await?),
            ("the published script, `mongodb` crate", upgraded(cluster, Driver::Crate, published).await?),
            ("the same, PyMongo", upgraded(cluster, Driver::Pymongo, published).await?),
        ],
    })
}

#[derive(Clone, Copy)]
enum Driver {
    Crate,
    Pymongo,
}

async fn upgraded(cluster: &Cluster, driver: Driver, by: impl AsyncFnOnce(&Mongodb) -> Result<()>) -> Result<Upgrade> {
    let namespace = cluster.namespace("bench-mongodb").await?;
    let mongodb = Mongodb::deploy_unchanged(&namespace, "5.0").await?;
    let endpoint = match driver {
        Driver::Crate => mongodb.endpoint().await?,
        Driver::Pymongo => mongodb.endpoint_for_pymongo().await?,
    };
    measured(endpoint, async || by(&mongodb).await, async || mongodb.in_sync(IN_SYNC_WITHIN).await).await
}

async fn published(mongodb: &Mongodb) -> Result<()> {
    let namespace = mongodb.namespace();
    let patch = format!(
        "{{\"spec\":{{\"updateStrategy\":{{\"type\":\"OnDelete\",\"rollingUpdate\":null}},\"template\":{{\"spec\":\
         {{\"containers\":[{{\"name\":\"mongo\",\"image\":\"{}\"}}]}}}}}}}}",
        Mongodb::image("6.0")
    );
    namespace.kubectl(&["patch", "statefulset/mongo", "--patch", &patch]).await?;
    for secondary in ["mongo-1", "mongo-2"] {
        let removed = remove(mongodb, secondary).await?;
        delete(namespace, secondary).await?;
        add(mongodb, removed).await?;
        until("it is a secondary", SYNCED_WITHIN, async || {
            let status = mongodb.command("mongo-0", doc! { "replSetGetStatus": 1 }).await?;
            let members = status.get_array("members")?.iter().filter_map(Bson::as_document);
            let mut states = members.filter(|member| of(member, secondary)).map(|member| member.get_i32("state"));
            ensure!(states.next().context("it is not listed")?? == 2, "it is not");
            Ok(())
        })
        .await?;
    }
    mongodb.command("mongo-0", doc! { "replSetStepDown": 60 }).await?;
    sleep(Duration::from_secs(20)).await; // as it is written there
    delete(namespace, "mongo-0").await
}

/// `kubectl delete pod`, `kubectl wait --for=condition=ready`.
async fn delete(namespace: &Namespace, pod: &str) -> Result<()> {
    namespace.kubectl(&["delete", "pod", pod]).await?;
    // It waits for a pod that is there already; between the two there may be none.
    until("there is a pod", Duration::from_secs(30), async || namespace.get(&["pod", pod]).await.map(drop)).await?;
    namespace.kubectl(&["wait", "--for=condition=ready", "pod", pod, "--timeout=180s"]).await.map(drop)
}

/// `rs.remove()`, said to mongo-0: the member as it was configured.
async fn remove(mongodb: &Mongodb, member: &str) -> Result<Document> {
    let mut removed = None;
    reconfigure(mongodb, |members| {
        let at = members.iter().position(|listed| listed.as_document().is_some_and(|listed| of(listed, member)));
        removed = at.map(|at| members.remove(at));
    })
    .await?;
    let removed = removed.with_context(|| format!("{member} is no member"))?;
    removed.as_document().cloned().context("a member is no document")
}

/// `rs.add()`, said to mongo-0: with the next number there is.
async fn add(mongodb: &Mongodb, mut member: Document) -> Result<()> {
    reconfigure(mongodb, |members| {
        let numbers = members.iter().filter_map(|listed| listed.as_document()?.get_i32("_id").ok());
        member.insert("_id", numbers.max().unwrap_or_default() + 1);
        members.push(Bson::Document(member));
    })
    .await
}

async fn reconfigure(mongodb: &Mongodb, change: impl FnOnce(&mut Vec<Bson>)) -> Result<()> {
    let told = mongodb.command("mongo-0", doc! { "replSetGetConfig": 1 }).await?;
    let mut config = told.get_document("config").context("it has no configuration")?.clone();
    change(config.get_array_mut("members").context("it has no members")?);
    config.insert("version", config.get_i32("version")? + 1);
    mongodb.command("mongo-0", doc! { "replSetReconfig": config }).await.map(drop)
}

/// Whether an entry of the set's configuration or status is about that member.
fn of(listed: &Document, member: &str) -> bool {
    let named = listed.get_str("host").or_else(|_| listed.get_str("name")).unwrap_or_default();
    named.strip_prefix(member).is_some_and(|rest| rest.starts_with('.'))
}
