//! The laws that hold for every engine: each is written once, on the traits of `tests/harness/engines/`, and runs for every engine that
//! has what it is about. A new engine gets them all by one row in `tests/laws/main.rs`.

mod guard_keeps_replicas;
mod guard_refuses;
mod guard_switches_over;
mod killed_plugin;
mod lagging_replica;
mod node_drain;
mod silent_member;
mod switchover;
mod upgrade;
mod wrong_image;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures::FutureExt;
use stateful_harness::{Engine, Group, Law, Primaries};

pub(crate) use killed_plugin::next_new_step;

/// How long members may take to be in sync after they were moved: kubelet waits 10 s before it restarts a container for the second time,
/// and 20 s before the third.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);

/// Laws of functions that are generic over the engine.
macro_rules! laws {
    ($engine:ty: $($file:ident::$name:ident),* $(,)?) => {
        vec![$(
            Law::new(concat!("laws::every_engine::", stringify!($name)), |context| $file::$name::<$engine>(context).boxed_local())
                .for_engine(<$engine>::NAME)
        ),*]
    };
}

/// The laws of an engine whose members are all equal, by group.
pub(crate) fn groups<E: Engine>() -> Vec<Group> {
    let name = E::NAME;
    vec![
        Group::new(name, [plain_laws::<E>(), upgrade_laws::<E>()].concat()),
        Group::new(format!("{name}-killed"), killed_laws::<E>()),
        Group::new(format!("{name}-guard"), laws![E: guard_keeps_replicas::a_guard_lets_one_member_go_at_a_time]),
    ]
}

/// The laws of an engine that has primaries, by group. `after_upgrade` are the engine's own laws of a database that has just been
/// upgraded.
pub(crate) fn groups_with_primaries<E: Primaries>(after_upgrade: Vec<Law>) -> Vec<Group> {
    let name = E::NAME;
    let moves = laws![E:
        switchover::a_switchover_moves_the_primary_and_loses_nothing,
        lagging_replica::a_replica_that_lags_is_refused_until_it_has_caught_up,
    ];
    let guarded = laws![E:
        guard_keeps_replicas::a_guard_lets_one_member_go_at_a_time,
        guard_refuses::a_drain_of_a_primary_waits_until_an_operator_switches_over,
        guard_switches_over::with_handover_a_drain_of_a_primary_finishes_alone,
    ];
    vec![
        Group::new(name, [moves, plain_laws::<E>(), upgrade_laws::<E>(), after_upgrade].concat()),
        Group::new(format!("{name}-killed"), killed_laws::<E>()),
        Group::new(format!("{name}-guard"), guarded),
    ]
}

/// The laws that drain whole nodes, with whatever is on them.
pub(crate) fn drain_laws<E: Engine>() -> Vec<Law> {
    laws![E: node_drain::a_drain_of_each_node_under_load_fails_nothing]
}

fn plain_laws<E: Engine>() -> Vec<Law> {
    laws![E:
        silent_member::a_silent_member_is_refused_and_nothing_is_touched,
        wrong_image::an_image_that_cannot_be_pulled_stops_the_upgrade_and_is_rolled_back,
    ]
}

fn upgrade_laws<E: Engine>() -> Vec<Law> {
    laws![E:
        upgrade::an_upgrade_under_load_loses_nothing,
        upgrade::an_upgrade_done_twice_is_done_once,
    ]
}

fn killed_laws<E: Engine>() -> Vec<Law> {
    laws![E: killed_plugin::killed_at_each_step_resume_finishes_and_loses_nothing]
}

/// Fails unless every member is to run a version, runs it by its own report, is in sync, and clients are led to the primary.
pub(crate) async fn expect_version<E: Engine>(database: &E, version: &str) -> Result<()> {
    database.in_sync(SETTLED_WITHIN).await?;
    database.expect_image(version).await?;
    for pod in database.pods().await? {
        let reported = database.server_version(&pod.name).await?;
        ensure!(reported.starts_with(version), "{} reports version {reported}", pod.name);
    }
    database.expect_routed().await
}

/// The node of a member.
pub(crate) async fn node_of<E: Engine>(database: &E, member: &str) -> Result<String> {
    let pods = database.pods().await?;
    let pod = pods.into_iter().find(|pod| pod.name == member).with_context(|| format!("there is no {member}"))?;
    pod.node.with_context(|| format!("{member} has no node"))
}

/// Fails where a member is on a node.
pub(crate) async fn expect_left<E: Engine>(database: &E, node: &str) -> Result<()> {
    let pods = database.pods().await?.into_iter().filter(|pod| pod.node.as_deref() == Some(node));
    let left: Vec<String> = pods.map(|pod| pod.name).collect();
    ensure!(left.is_empty(), "{left:?} are still on {node}");
    Ok(())
}
