//! TOUCH. Everything that takes time, done while clients still write; none of it changes which member is the primary.

pub(super) mod catch_up;
pub(super) mod disk_space;
mod names;
mod slots;

use super::follow::{Follower, PRIMARY_CONNINFO, point_at_successor, point_back, set};
use super::successor_host::successor_host;
use super::wal_receiver::WalReceiver;
use super::{SwitchoverContext, fence};
use crate::postgres::answers::text;
use crate::postgres::conninfo::Conninfo;
use crate::{Credentials, Secret, ServerError, SwitchoverError};

/// What has to be ready before writes are stopped.
pub(super) struct Prepared {
    pub(super) wal_receiver: WalReceiver,
    pub(super) data_directory: String,
    pub(super) followers: Vec<Follower>,
}

/// How others reach the successor.
pub(super) struct Successor {
    host: String,
    port: String,
    /// How it connects to its own primary now.
    follows: Conninfo,
}

impl Successor {
    /// Writes the successor into the settings of the other standbys.
    pub(super) async fn point_standbys_here(&self, context: &SwitchoverContext<'_>) -> Vec<Follower> {
        point_at_successor(context, &self.host, &self.port).await
    }
}

pub(super) async fn prepare(context: &SwitchoverContext<'_>) -> Result<Prepared, SwitchoverError> {
    let data_directory = can_be_fenced(context).await?;
    fence::rehearse(context, &data_directory).await?;
    disk_space::check(context).await?;
    let successor = find_successor(context).await?;
    let name = names::name_of(context, context.from).await?;
    names::exchange(context, &name).await?;
    slots::create(context).await?;
    let wal_receiver = open_wal_receiver(context, &successor.follows).await?;
    catch_up::catch_up(context).await?;
    let follows = successor.follows.clone().without("hostaddr");
    let follows = follows.with("host", &successor.host).with("port", &successor.port).with("application_name", &name);
    // Not reloaded: a primary does not use this setting, and reads it when it restarts as a standby.
    set(context, context.from, &follows).await?;
    // Nothing after this can fail, so only from here on the standbys' settings may have to be restored.
    let followers = successor.point_standbys_here(context).await;
    Ok(Prepared { wal_receiver, data_directory, followers })
}

/// Reverts what the preparation has set on the old primary and on the other standbys, after a switchover that did not take place.
/// If a setting on the old primary stays, it is not read while that is the primary.
pub(super) async fn undo(context: &SwitchoverContext<'_>, followers: &[Follower]) {
    if let Ok(client) = context.client(context.from).await {
        let _ = client.batch_execute("ALTER SYSTEM RESET primary_conninfo").await;
    }
    point_back(context, followers).await;
}

/// The data directory of the old primary, if its settings allow it to restart as a standby of the successor.
async fn can_be_fenced(context: &SwitchoverContext<'_>) -> Result<String, SwitchoverError> {
    const SETTINGS: &str = "SELECT current_setting('data_directory') AS data_directory, \
        (SELECT string_agg(name, ', ') FROM pg_settings WHERE source = 'command line' AND name IN \
        ('primary_conninfo', 'synchronous_standby_names')) AS fixed, \
        (SELECT string_agg(name, ', ') FROM pg_settings WHERE name LIKE 'recovery_target%' AND setting <> '' \
        AND name NOT IN ('recovery_target_timeline', 'recovery_target_inclusive', 'recovery_target_action')) AS target";
    let rows = context.rows(context.from, SETTINGS).await?;
    let row = rows.first().ok_or_else(|| context.refused("it does not say where its data is".to_owned()))?;
    if let Some(fixed) = text(row, "fixed") {
        return Err(
            context.refused(format!("{fixed} is given on its command line: what is set over SQL has no effect"))
        );
    }
    if let Some(target) = text(row, "target") {
        return Err(context.refused(format!("{target} is set: as a standby it would stop there")));
    }
    text(row, "data_directory")
        .map(ToOwned::to_owned)
        .ok_or_else(|| context.refused("it does not say where its data is".to_owned()))
}

/// How others reach the successor, from how it reaches its own primary.
pub(super) async fn find_successor(context: &SwitchoverContext<'_>) -> Result<Successor, SwitchoverError> {
    let refused = |why: &str| SwitchoverError::Refused { member: context.to.to_owned(), why: why.to_owned() };
    let setting = context.value(context.to, PRIMARY_CONNINFO).await?.unwrap_or_default();
    let follows = Conninfo::parse(&setting)
        .ok_or_else(|| refused("its primary_conninfo is not written as keyword=value: it cannot be taken over"))?;
    // If the file cannot be read the address is used.
    let hosts = context.value(context.to, "SELECT pg_read_file('/etc/hosts')").await.ok().flatten().unwrap_or_default();
    let (from, to) = (context.endpoint(context.from)?, context.endpoint(context.to)?);
    let host = successor_host(from, to, follows.get("host"), &hosts)
        .ok_or_else(|| refused("no name or address is known under which the other members reach it"))?;
    let port = context.value(context.to, "SHOW port").await?.unwrap_or_default();
    Ok(Successor { host, port, follows })
}

/// Opens the WAL receiver's connection with our own user, or, where the server does not let it replicate, with the standbys'.
async fn open_wal_receiver(
    context: &SwitchoverContext<'_>,
    follows: &Conninfo,
) -> Result<WalReceiver, SwitchoverError> {
    let endpoint = context.endpoint(context.from)?;
    let unreachable =
        |why: ServerError| SwitchoverError::Unreachable { member: context.from.to_owned(), why: why.to_string() };
    let target = endpoint.dial_config().map_err(unreachable)?;
    let ours = match WalReceiver::start(target, &target.credentials).await {
        Ok(wal_receiver) => return Ok(wal_receiver),
        Err(why) => why,
    };
    let theirs = Credentials {
        username: follows.get("user").map(ToOwned::to_owned),
        password: follows.get("password").map(|password| Secret::new(password.to_owned())),
    };
    WalReceiver::start(target, &theirs).await.map_err(|theirs| {
        context.refused(format!(
            "its log cannot be received from here: {ours}; with the user of its standbys: {theirs}; pg_hba.conf must let \
             one of the two users connect for replication"
        ))
    })
}
