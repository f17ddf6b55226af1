//! The databases that laws, demo and bench run on: a folder for each engine, with how it is deployed, asked, written to by the load,
//! and disturbed. A law that holds for every engine is written once, on these traits (`tests/laws/every_engine/`).

pub(crate) mod couchdb;
pub(crate) mod mongodb;
pub(crate) mod postgres;
pub(crate) mod redis;

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::load::{Audit, Endpoint, Figures};
use crate::{Namespace, Pod, nothing_failed, nothing_lost};

/// Something deployed in a namespace that several laws can use one after another.
pub trait Deployment: Clone + 'static {
    /// The image of a version.
    fn image(version: &str) -> String;

    /// Deploys it in a version, and waits until it is whole.
    fn deploy(namespace: &Namespace, version: &str) -> impl Future<Output = Result<Self>>;

    /// The namespace it is in.
    fn namespace(&self) -> &Namespace;

    /// The members' pods.
    fn pods(&self) -> impl Future<Output = Result<Vec<Pod>>>;

    /// Waits until every member is ready and every replica in sync.
    fn in_sync(&self, patience: Duration) -> impl Future<Output = Result<()>>;

    /// Fails unless every pod is to run that version.
    fn expect_image(&self, version: &str) -> impl Future<Output = Result<()>> {
        async move {
            let image = Self::image(version);
            for pod in self.pods().await? {
                ensure!(pod.image == image, "{} runs {}", pod.name, pod.image);
            }
            Ok(())
        }
    }
}

/// An engine, as the laws that hold for every engine need it.
pub trait Engine: Deployment {
    /// Its name, in those of laws.
    const NAME: &'static str;
    /// The workload, as a user names it.
    const TARGET: &'static str;
    /// The version that laws begin with, and the one that they upgrade to.
    const VERSIONS: (&'static str, &'static str);
    /// How many steps an upgrade has at least.
    const UPGRADE_STEPS: usize;
    /// What writers may notice of an operation.
    const WRITES: WriteBounds;

    /// For the load, as an application is configured.
    fn endpoint(&self) -> impl Future<Output = Result<Endpoint>>;

    /// The version that a member's server reports.
    fn server_version(&self, pod: &str) -> impl Future<Output = Result<String>>;

    /// A member that can be missed for a while: a replica, or any member where all are equal.
    fn dispensable_member(&self) -> impl Future<Output = Result<String>>;

    /// Waits until every member holds what the load wrote, where the engine's members can be compared.
    fn expect_same_everywhere(&self, patience: Duration) -> impl Future<Output = Result<()>> {
        self.in_sync(patience)
    }

    /// Fails unless clients are led to the primary, where there is one.
    fn expect_routed(&self) -> impl Future<Output = Result<()>> {
        async { Ok(()) }
    }
}

/// An engine that has primaries, and replicas that can take over.
pub trait Primaries: Engine {
    /// What `check` reports of a replica that was made to lag.
    const LAG_REASON: &'static str;

    /// The primaries, one for each shard.
    fn primaries(&self) -> impl Future<Output = Result<Vec<String>>>;

    /// A replica of the first shard.
    fn replica(&self) -> impl Future<Output = Result<String>>;

    /// Makes a replica fall behind its primary, or lose it, until `catch_up`.
    fn lag(&self, replica: &str) -> impl Future<Output = Result<()>>;

    /// Lets a replica follow its primary again.
    fn catch_up(&self, replica: &str) -> impl Future<Output = Result<()>>;
}

/// What writers may notice of an operation.
#[derive(Debug, Clone, Copy)]
pub struct WriteBounds {
    /// Whether connections may break, so that writes fail or stay unknown. None is ever lost.
    pub connections_may_break: bool,
    /// How long a key may go unwritten while nothing else runs on the machine.
    pub gap: Gap,
}

/// How long a key may go unwritten.
#[derive(Debug, Clone, Copy)]
pub enum Gap {
    /// So much longer than the same client shows with nothing happening.
    BeyondIdle(Duration),
    /// So long, whatever it shows otherwise.
    AtMost(Duration),
}

impl WriteBounds {
    /// Fails where writes were lost, or failed although connections may not break.
    pub fn judge(&self, during: &Figures, audit: &Audit) -> Result<()> {
        if self.connections_may_break { nothing_lost(audit) } else { nothing_failed(during, audit) }
    }

    /// Fails where a key went unwritten for too long. `idle` is what was measured just before, with nothing happening.
    pub fn judge_gap(&self, idle: &Figures, during: &Figures) -> Result<()> {
        let limit = match self.gap {
            Gap::BeyondIdle(more) => idle.longest_gap + more,
            Gap::AtMost(limit) => limit,
        };
        let Figures { longest_gap, of_key, .. } = during;
        ensure!(*longest_gap <= limit, "{of_key} was not written for {longest_gap:?}; the limit is {limit:?}");
        Ok(())
    }
}
