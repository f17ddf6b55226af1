//! What goes wrong while the plugin works.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use stateful_harness::{ApiServerProxy, Context, Pod, PodProcesses, Running, cut_off, heal};

use super::databases::Stormy;

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing goes wrong.
    None,
    /// The plugin is killed.
    PluginKilled,
    /// The API server closes the plugin's connections, for a while.
    ApiServerGone,
    /// The API server swallows what the plugin sends, for a while.
    ApiServerSilent,
    /// Everything between plugin and API server takes longer, for a while.
    ApiServerSlow,
    /// A member's processes are killed; kubelet starts them again.
    MemberKilled,
    /// A member's pod is deleted.
    PodDeleted,
    /// A member's processes stop for a while and then go on.
    MemberFrozen,
    /// A member's node loses its network, for a while.
    NodeCutOff,
}

const ALL: [Fault; 9] = [
    Fault::None,
    Fault::PluginKilled,
    Fault::ApiServerGone,
    Fault::ApiServerSilent,
    Fault::ApiServerSlow,
    Fault::MemberKilled,
    Fault::PodDeleted,
    Fault::MemberFrozen,
    Fault::NodeCutOff,
];

/// How long a fault that passes lasts, in seconds: shorter and longer than the operation lock's ten.
const LASTS: std::ops::RangeInclusive<u64> = 2..=18;

/// A fault, when it begins and how long it lasts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    pub(super) fault: Fault,
    /// After the plugin was started.
    pub(super) after: Duration,
    lasts: Duration,
}

impl Planned {
    /// Chooses one that this database can be asked to survive.
    pub(super) fn choose(random: &mut impl Rng) -> Self {
        Self {
            fault: ALL.choose(random).copied().unwrap_or(Fault::None),
            after: Duration::from_millis(random.random_range(200..=15_000)),
            lasts: Duration::from_secs(random.random_range(LASTS)),
        }
    }

    /// Lets it happen, and takes it back. Returns the plugin where it still runs.
    pub(super) async fn happen<D: Stormy>(
        self,
        context: &Context,
        database: &D,
        (proxy, running): (&ApiServerProxy, Running),
        random: &mut impl Rng,
    ) -> Result<Option<Running>> {
        match self.fault {
            Fault::None => {}
            Fault::PluginKilled => {
                running.kill().await?;
                return Ok(None);
            }
            Fault::ApiServerGone => self.for_a_while(proxy, ApiServerProxy::close).await,
            Fault::ApiServerSilent => self.for_a_while(proxy, ApiServerProxy::swallow).await,
            Fault::ApiServerSlow => self.for_a_while(proxy, |proxy| proxy.delay(Duration::from_millis(200))).await,
            Fault::MemberKilled => {
                if let Some(victim) = victim(database, random).await? {
                    processes(&victim)?.freeze()?.kill()?;
                }
            }
            Fault::PodDeleted => {
                if let Some(victim) = victim(database, random).await? {
                    let words = ["delete", "pod", &victim.name, "--wait=false"];
                    database.namespace().kubectl(&words).await?;
                }
            }
            Fault::MemberFrozen => {
                if let Some(victim) = victim(database, random).await? {
                    let frozen = processes(&victim)?.freeze()?;
                    tokio::time::sleep(self.lasts).await; // as long as it lasts
                    drop(frozen);
                }
            }
            Fault::NodeCutOff => {
                if let Some(node) = victim(database, random).await?.and_then(|victim| victim.node) {
                    let name = node.clone();
                    let healed =
                        context.undo_afterwards(format!("{node} is connected again"), async move { heal(&name).await });
                    cut_off(&node).await?;
                    tokio::time::sleep(self.lasts).await; // as long as it lasts
                    healed.now().await?;
                }
            }
        }
        Ok(Some(running))
    }

    async fn for_a_while(self, proxy: &ApiServerProxy, change: impl Fn(&ApiServerProxy)) {
        change(proxy);
        tokio::time::sleep(self.lasts).await; // as long as it lasts
        proxy.reopen();
    }
}

/// A member that may die now; none where only replicas may and it cannot be told which they are.
async fn victim<D: Stormy>(database: &D, random: &mut impl Rng) -> Result<Option<Pod>> {
    let mut pods = database.pods().await?;
    if !D::ANY_MEMBER_MAY_DIE {
        let Ok(primaries) = database.primaries_now().await else { return Ok(None) };
        pods.retain(|pod| !primaries.contains(&pod.name));
    }
    pods.retain(|pod| pod.ready);
    Ok(pods.choose(random).cloned())
}

fn processes(pod: &Pod) -> Result<PodProcesses> {
    PodProcesses::find(pod.node.as_deref().context("it has no node")?, &pod.uid)
}
