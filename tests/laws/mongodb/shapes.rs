//! Sets of another shape than the example's.

use anyhow::{Result, ensure};
use mongodb::bson::doc;
use stateful_harness::{
    Context, Deployment, Engine, Load, Mongodb, ObjectVersions, SHORT_SHUTDOWN, note, nothing_failed, nothing_lost,
};

use crate::every_engine::expect_version;

/// Five members: one with a higher priority, one hidden, one hidden and delayed by five seconds. The one with the highest priority is
/// primary in the end, by a switchover instead of an election of its own.
pub(super) async fn a_set_of_five_is_upgraded_and_its_preferred_primary_leads_again(
    context: &mut Context,
) -> Result<()> {
    let hidden = doc! { "priority": 0, "hidden": true };
    let delayed = doc! { "priority": 0, "hidden": true, "secondaryDelaySecs": 5 };
    let shape = [doc! {}, doc! { "priority": 2 }, doc! {}, hidden, delayed];
    let deploy = async |namespace: &_| Mongodb::deploy_shaped(namespace, "5.0", &[SHORT_SHUTDOWN], &shape).await;
    let mongodb = context.deploy(deploy).await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let quiet = context.quiet().await?;
    let load = Load::start(&mongodb.endpoint().await?).await?;
    let ended = plugin.run(&["upgrade", "mongo", "--version", "6.0", "-y", "-o", "json"]).await?.expect(0)?;
    let steps = ended.json()?["moved"].as_array().cloned().unwrap_or_default();
    let done: Vec<_> = steps.iter().filter_map(|step| step["what"].as_str()).collect();
    let switchovers: Vec<_> = done.iter().filter(|what| what.starts_with("switch over")).collect();
    ensure!(
        matches!(switchovers[..], [away, back] if away.contains("from mongo-1 to") && back.ends_with("to mongo-1")),
        "it did {done:#?}"
    );
    ensure!(mongodb.primary().await? == "mongo-1", "another member is primary");
    let during = load.take_figures();
    let audit = load.stop().await?;
    drop(quiet);
    note!("five members: {during:?}");
    expect_version(&mongodb, "6.0").await?;
    nothing_failed(&during, &audit)?;
    Mongodb::WRITES.judge_gap(&during, &during)
}

/// Refused, since a write of `w: majority` would wait for both members that bear data. Where that is accepted the upgrade is the same as
/// any other, the arbiter's too, and writes that waited or were given up are not lost.
pub(super) async fn a_set_with_an_arbiter_is_upgraded_once_its_clients_may_wait_and_loses_nothing(
    context: &mut Context,
) -> Result<()> {
    let shape = [doc! {}, doc! {}, doc! { "arbiterOnly": true }];
    let deploy = async |namespace: &_| Mongodb::deploy_shaped(namespace, "5.0", &[SHORT_SHUTDOWN], &shape).await;
    let mongodb = context.deploy(deploy).await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let load = Load::start(&mongodb.endpoint().await?).await?;
    let before = ObjectVersions::read(mongodb.namespace()).await?;
    let upgrade = ["upgrade", "mongo", "--version", "6.0", "-y"];
    let refused = plugin.run(&upgrade).await?.expect(3)?;
    for words in ["would be left with 1 in sync, a write needs 2", "--skip-check STF-DB-008"] {
        ensure!(format!("{refused}").contains(words), "\"{words}\" is not reported:\n{refused}");
    }
    before.expect_unchanged(mongodb.namespace()).await?;
    nothing_failed(&load.take_figures(), &load.stop().await?)?;
    let load = Load::start(&mongodb.endpoint().await?).await?;
    plugin.run(&[&upgrade[..], &["--skip-check", "STF-DB-008"]].concat()).await?.expect(0)?;
    note!("a primary, a secondary and an arbiter: {:?}", load.take_figures());
    nothing_lost(&load.stop().await?)?;
    mongodb.expect_image("6.0").await?;
    mongodb.in_sync(super::SETTLED_WITHIN).await
}

pub(super) async fn a_set_that_accepts_only_encrypted_connections_is_switched_over_and_fails_no_write(
    context: &mut Context,
) -> Result<()> {
    let mongodb = context.deploy(async |namespace| Mongodb::deploy_encrypted(namespace, "6.0").await).await?;
    let plugin = context.plugin(mongodb.namespace())?;
    let primary = mongodb.primary().await?;
    let load = Load::start(&mongodb.endpoint().await?).await?;
    plugin.run(&["switchover", "mongo", "--from", &primary, "-y"]).await?.expect(0)?;
    ensure!(mongodb.primary().await? != primary, "{primary} is still primary");
    let during = load.take_figures();
    note!("encrypted: {during:?}");
    nothing_failed(&during, &load.stop().await?)
}
