//! A secondary that is locked for a backup.

use anyhow::{Result, ensure};
use mongodb::bson::doc;
use stateful_harness::{Context, Deployment, Engine, Load, Mongodb, ObjectVersions, note, nothing_failed, until};

use super::SETTLED_WITHIN;

/// The reason for a member that is locked.
const LOCKED: &str = "STF-MG-002";

/// Refused with its reason, and nothing is touched; when it is over, the same is allowed.
pub(super) async fn a_locked_secondary_is_refused_until_it_is_unlocked(context: &mut Context) -> Result<()> {
    let mongodb = context.database::<Mongodb>("5.0").await?;
    let namespace = mongodb.namespace();
    let plugin = context.plugin(namespace)?;
    let primary = mongodb.primary().await?;
    let secondary = if primary == "mongo-2" { "mongo-1" } else { "mongo-2" };
    let load = Load::start(&mongodb.endpoint().await?).await?;
    let before = ObjectVersions::read(namespace).await?;
    let undo = context.undo_afterwards("the secondary is unlocked", {
        let mongodb = mongodb.clone();
        async move { mongodb.command(secondary, doc! { "fsyncUnlock": 1 }).await.map(drop) }
    });
    mongodb.command(secondary, doc! { "fsync": 1, "lock": true }).await?;
    until("it is refused", SETTLED_WITHIN, async || {
        let checked = plugin.run(&["check", "mongo"]).await?.expect(3)?;
        ensure!(format!("{checked}").contains(LOCKED), "{checked}");
        Ok(())
    })
    .await?;
    let switchover = ["switchover", "mongo", "--to", secondary, "-y"];
    let refused = plugin.run(&switchover).await?.expect(3)?;
    ensure!(format!("{refused}").contains(LOCKED), "it does not report why:\n{refused}");
    before.expect_unchanged(namespace).await?;
    ensure!(mongodb.primary().await? == primary, "the primary was moved");
    undo.now().await?;
    mongodb.in_sync(SETTLED_WITHIN).await?;
    plugin.run(&switchover).await?.expect(0)?;
    let during = load.take_figures();
    note!("{during:?}");
    nothing_failed(&during, &load.stop().await?)
}
