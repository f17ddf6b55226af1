//! What a law is given: the cluster, a database, and what it needs for itself.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::FutureExt;
use futures::future::LocalBoxFuture;

use super::cleanup::{Cleanup, Undo};
use super::schedule::{Held, Need, Place, Schedule, Turn};
use super::times::{Phase, Times};
use crate::cluster::Placement;
use crate::load::Pace;
use crate::{Cluster, Deployment, Guard, Namespace, Plugin, until};

/// How long a database may take until it is whole again after a law, for the next law to use it.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// What a law works with. One group of laws has one, from law to law.
pub struct Context {
    cluster: Cluster,
    group: String,
    placement: Placement,
    position: usize,
    schedule: Arc<Schedule>,
    turn: Option<Turn>,
    /// What the law keeps until it ends.
    held: Vec<Held>,
    quiet: Rc<Cell<bool>>,
    cleanup: Cleanup,
    times: Times,
    deployed: Option<Deployed>,
    /// Whether a law of the group has had a turn.
    has_begun: bool,
}

/// The database that the laws of a group share.
struct Deployed {
    database: Box<dyn Any>,
    settle: Box<dyn Fn() -> LocalBoxFuture<'static, Result<()>>>,
}

/// Quiet, until this is dropped: no other law runs, and the load writes often enough to see a gap of 20 ms.
#[must_use = "quiet ends when this is dropped"]
pub struct Quiet {
    active: Rc<Cell<bool>>,
    _held: Held,
}

impl Drop for Quiet {
    fn drop(&mut self) {
        self.active.set(false);
        Pace::Prove.set();
    }
}

impl Context {
    pub(super) fn new(
        cluster: Cluster,
        (group, placement): (String, Placement),
        position: usize,
        schedule: Arc<Schedule>,
    ) -> Self {
        Self {
            cluster,
            group,
            placement,
            position,
            schedule,
            turn: None,
            held: Vec::new(),
            quiet: Rc::default(),
            cleanup: Cleanup::default(),
            times: Times::begin(),
            deployed: None,
            has_begun: false,
        }
    }

    /// The cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The plugin, working in a namespace.
    pub fn plugin(&self, namespace: &Namespace) -> Result<Plugin> {
        Ok(Plugin::find(&self.cluster)?.within(namespace))
    }

    /// A namespace of the law's own.
    pub async fn namespace(&self) -> Result<Namespace> {
        self.cluster.namespace_on(&format!("law-{}", self.group), self.placement).await
    }

    /// A database of that version: the one that the law before has left, where it is of that kind and version, or a new one.
    pub async fn database<D: Deployment>(&mut self, version: &str) -> Result<D> {
        match self.left_by_the_law_before(version).await {
            Some(database) => Ok(database),
            None => self.fresh_database(version).await,
        }
    }

    /// The database that the law before has left, where it is of that kind and version.
    pub async fn left_by_the_law_before<D: Deployment>(&self, version: &str) -> Option<D> {
        let database = self.deployed.as_ref()?.database.downcast_ref::<D>()?.clone();
        database.expect_image(version).await.ok().map(|()| database)
    }

    /// A database that no law has used before.
    pub async fn fresh_database<D: Deployment>(&mut self, version: &str) -> Result<D> {
        let database = self.deploy(async |namespace| D::deploy(namespace, version).await).await?;
        self.deployed = Some(Deployed::new(database.clone()));
        Ok(database)
    }

    /// Deploys something that only this law uses.
    pub async fn deploy<T>(&mut self, deploy: impl AsyncFnOnce(&Namespace) -> Result<T>) -> Result<T> {
        self.drop_database();
        let before = self.times.enter(Phase::Deploying);
        let deployed = deploy(&self.namespace().await?).await.context("deploying the database");
        self.times.enter(before);
        deployed
    }

    /// The law leaves the database in no state for another law.
    pub fn spoil_database(&mut self) {
        self.drop_database();
    }

    /// Proves something as a law of its own: whatever it has changed is undone when this returns, whether it failed or not.
    pub async fn prove_within(&mut self, proof: impl AsyncFnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let proven = proof(&mut *self).await;
        let cleaned = self.cleanup.undo_all().await;
        proven.and(cleaned)
    }

    /// The load of this law writes as often as for a measurement.
    pub fn write_often(&self) {
        Pace::Measure.set();
    }

    /// Registers how a change is undone after the law, whether it fails or not. The change is made afterwards.
    pub fn undo_afterwards(&self, what: impl Into<String>, undo: impl Future<Output = Result<()>> + 'static) -> Undo {
        self.cleanup.register(what, undo)
    }

    /// Registers that a node is uncordoned after the law. Called before whatever cordons it.
    pub fn uncordon_afterwards(&self, node: &str) -> Undo {
        let (cluster, node) = (self.cluster.clone(), node.to_owned());
        self.undo_afterwards(format!("{node} is uncordoned"), async move {
            cluster.kubectl(&["uncordon", &node]).await.map(drop)
        })
    }

    /// Waits until no other law runs. The law may deploy and prepare before, and should read back what it wrote afterwards.
    pub async fn quiet(&mut self) -> Result<Quiet> {
        let held = self.wait_for(Need::Quiet).await?;
        self.quiet.set(true);
        Pace::Measure.set();
        Ok(Quiet { active: Rc::clone(&self.quiet), _held: held })
    }

    /// The names of the nodes that the group's databases are on, once no database of a law before is still being deleted on them.
    pub async fn nodes_of_group(&self) -> Result<Vec<String>> {
        self.deleted_namespaces_gone(&format!("law-{}", self.group)).await?;
        self.cluster.nodes_of(self.placement).await
    }

    /// Waits until no other law cordons or disconnects nodes, and no database of a law before is still being deleted on them; until
    /// this law ends, no other does.
    pub async fn nodes(&mut self) -> Result<()> {
        if self.holds(Need::Nodes) {
            return Ok(());
        }
        let held = self.wait_for(Need::Nodes).await?;
        self.held.push(held);
        self.deleted_namespaces_gone("law-").await
    }

    /// Waits until the namespaces that begin like that and were deleted are gone, and so every pod of them from its node.
    async fn deleted_namespaces_gone(&self, prefix: &str) -> Result<()> {
        let template = "jsonpath={range .items[*]}{.status.phase} {.metadata.name}{\"\\n\"}{end}";
        let deleted = format!("Terminating {prefix}");
        until("deleted namespaces are gone", SETTLED_WITHIN, async || {
            let namespaces = self.cluster.kubectl(&["get", "namespaces", "--output", template]).await?;
            let left = namespaces.lines().find(|line| line.starts_with(&deleted));
            ensure!(left.is_none(), "one is still there: {left:?}");
            Ok(())
        })
        .await
    }

    /// The guard, installed; until this law ends, no other law stops or uninstalls it.
    pub async fn guard(&mut self) -> Result<Guard> {
        if !self.holds(Need::SharedGuard) && !self.holds(Need::OwnGuard) {
            let held = self.wait_for(Need::SharedGuard).await?;
            self.held.push(held);
        }
        Guard::install(&self.cluster, &self.cleanup).await
    }

    /// The guard, installed, and no other law uses it until this one ends: it may stop, kill and uninstall it.
    pub async fn own_guard(&mut self) -> Result<Guard> {
        let held = self.wait_for(Need::OwnGuard).await?;
        self.held.push(held);
        Guard::install_to_disturb(&self.cluster, &self.cleanup).await
    }

    async fn wait_for(&mut self, need: Need) -> Result<Held> {
        let held = self.held.iter().map(Held::need).max();
        // Laws that ask in different orders could wait for each other for ever.
        ensure!(held < Some(need) && !self.quiet.get(), "a law asks for the guard, the nodes and quiet, in this order");
        let turn = self.turn.as_mut().context("a law has a turn")?;
        let before = self.times.enter(Phase::Waiting);
        let held = turn.wait_for(need).await;
        self.times.enter(before);
        Ok(held)
    }

    fn holds(&self, need: Need) -> bool {
        self.held.iter().any(|held| held.need() == need)
    }

    pub(super) fn begin(&mut self) {
        self.times = Times::begin();
        Pace::Prove.set();
    }

    pub(super) async fn take_turn(&mut self) {
        let place = Place { is_groups_first: !self.has_begun, position: self.position };
        self.turn = Some(self.schedule.turn(place).await);
        self.has_begun = true;
        self.times.enter(Phase::Running);
    }

    /// Takes back what the law changed. A database is kept for the next law only where this one held and it is whole.
    pub(super) async fn clean_up(&mut self, held: bool) -> Result<()> {
        self.times.enter(Phase::CleaningUp);
        let cleaned = self.cleanup.undo_all().await;
        let whole = match &self.deployed {
            Some(deployed) if held && cleaned.is_ok() => {
                (deployed.settle)().await.context("the law leaves the database")
            }
            _ => Ok(()),
        };
        if !held || cleaned.is_err() || whole.is_err() {
            self.drop_database();
        }
        // Released last: what was changed is as it was.
        self.held.clear();
        self.turn = None;
        cleaned.and(whole)
    }

    pub(super) fn drop_database(&mut self) {
        self.deployed = None;
    }

    /// No law of the group is left.
    pub(super) fn end_group(&mut self) {
        self.drop_database();
    }

    pub(super) fn end(&mut self) -> Times {
        self.times.enter(Phase::Waiting);
        self.times.clone()
    }
}

impl Deployed {
    fn new<D: Deployment>(database: D) -> Self {
        let settles = database.clone();
        let settle = move || {
            let database = settles.clone();
            async move { database.in_sync(SETTLED_WITHIN).await }.boxed_local()
        };
        Self { database: Box::new(database), settle: Box::new(settle) }
    }
}
