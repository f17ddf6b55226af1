//! TOUCH. Everything that takes time, while writes flow; nothing of it changes who leads.

pub(super) mod catch_up;
mod names;
pub(super) mod room;
mod slots;

use super::follow::{Follower, PRIMARY_CONNINFO, set, tell, untell};
use super::successor_host::successor_host;
use super::wal_receiver::Witness;
use super::{SwitchoverContext, fence};
use crate::postgres::answers::text;
use crate::postgres::conninfo::Conninfo;
use crate::{Credentials, Secret, ServerError, SwitchoverError};

/// All that is ready when writes are stopped.
pub(super) struct Prepared {
    pub(super) witness: Witness,
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
    /// Tells the other standbys that they should follow it.
    pub(super) async fn tell(&self, context: &SwitchoverContext<'_>) -> Vec<Follower> {
        tell(context, &self.host, &self.port).await
    }
}

pub(super) async fn prepare(context: &SwitchoverContext<'_>) -> Result<Prepared, SwitchoverError> {
    let data_directory = can_be_fenced(context).await?;
    fence::rehearse(context, &data_directory).await?;
    room::there_is(context).await?;
    let successor = successor(context).await?;
    let name = names::name_of(context, context.from).await?;
    names::exchange(context, &name).await?;
    slots::create(context).await?;
    let witness = witness(context, &successor.follows).await?;
    catch_up::catch_up(context).await?;
    let follows = successor.follows.clone().without("hostaddr");
    let follows = follows.with("host", &successor.host).with("port", &successor.port).with("application_name", &name);
    // Not reloaded: a server that leads does not use it, and a restart reads it.
    set(context, context.from, &follows).await?;
    // The last thing that can fail is behind us: from here on there is something to take back.
    let followers = successor.tell(context).await;
    Ok(Prepared { witness, data_directory, followers })
}

/// Takes back what keeps the old primary from leading after its next restart, and what its followers were told. It leads on; a
/// setting that stays behind is not read while it does.
pub(super) async fn undo(context: &SwitchoverContext<'_>, followers: &[Follower]) {
    if let Ok(link) = context.link(context.from).await {
        let _ = link.batch_execute("ALTER SYSTEM RESET primary_conninfo").await;
    }
    untell(context, followers).await;
}

/// The data directory of the old primary, if its settings let it come back as a standby of the successor.
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
pub(super) async fn successor(context: &SwitchoverContext<'_>) -> Result<Successor, SwitchoverError> {
    let refused = |why: &str| SwitchoverError::Refused { member: context.to.to_owned(), why: why.to_owned() };
    let setting = context.word(context.to, PRIMARY_CONNINFO).await?.unwrap_or_default();
    let follows = Conninfo::parse(&setting)
        .ok_or_else(|| refused("its primary_conninfo is not written as keyword=value: it cannot be taken over"))?;
    // Not there or not to be read: then its address must do.
    let hosts = context.word(context.to, "SELECT pg_read_file('/etc/hosts')").await.ok().flatten().unwrap_or_default();
    let (from, to) = (context.endpoint(context.from)?, context.endpoint(context.to)?);
    let host = successor_host(from, to, follows.get("host"), &hosts)
        .ok_or_else(|| refused("nobody knows a name or an address under which the others reach it"))?;
    let port = context.word(context.to, "SHOW port").await?.unwrap_or_default();
    Ok(Successor { host, port, follows })
}

/// Opens the witness's connection as ourselves, or, where the server lets us not replicate, as the standbys do.
async fn witness(context: &SwitchoverContext<'_>, follows: &Conninfo) -> Result<Witness, SwitchoverError> {
    let endpoint = context.endpoint(context.from)?;
    let unreachable =
        |why: ServerError| SwitchoverError::Unreachable { member: context.from.to_owned(), why: why.to_string() };
    let target = endpoint.dial_config().map_err(unreachable)?;
    let ours = match Witness::listen(target, &target.credentials).await {
        Ok(witness) => return Ok(witness),
        Err(why) => why,
    };
    let theirs = Credentials {
        username: follows.get("user").map(ToOwned::to_owned),
        password: follows.get("password").map(|password| Secret::new(password.to_owned())),
    };
    Witness::listen(target, &theirs).await.map_err(|theirs| {
        context.refused(format!(
            "nobody may listen to its log from here: {ours}; as its standbys do: {theirs}; pg_hba.conf must let one of \
             the two connect for replication"
        ))
    })
}
