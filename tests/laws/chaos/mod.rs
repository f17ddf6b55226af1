//! A storm of faults: `make chaos SEED= MINUTES=`. One database after another is switched over, drained and restarted under writers, again
//! and again, while the plugin, members, nodes and the API server are killed, cut off or slowed. What is done and what goes wrong is chosen
//! by the seed; when exactly it meets what, the machine decides.
//!
//! - `databases.rs`: the databases, and which of their members may die at any moment without a loss that is the database's own.
//! - `operations.rs`: what is asked of the plugin.
//! - `faults.rs`: what goes wrong meanwhile.
//! - `storm.rs`: rounds of both, until the time is up; then nothing acknowledged may be missing.

mod databases;
mod faults;
mod operations;
mod storm;

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures::FutureExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use stateful_harness::{
    Context, Group, Law, Mongodb, Patroni, Postgres, RedisCluster, RedisReplication, RedisSentinel,
};

use databases::Stormy;

/// Where `make chaos` puts what it was given.
const SEED: &str = "CHAOS_SEED";
const MINUTES: &str = "CHAOS_MINUTES";

/// How many databases share the minutes.
const DATABASES: u32 = 6;

pub(crate) fn groups() -> Vec<Group> {
    let laws = vec![
        law_of::<RedisReplication>("a_storm_loses_nothing::redis_replication"),
        law_of::<RedisSentinel>("a_storm_loses_nothing::redis_sentinel"),
        law_of::<RedisCluster>("a_storm_loses_nothing::redis_cluster"),
        law_of::<Postgres>("a_storm_loses_nothing::postgres"),
        law_of::<Patroni>("a_storm_loses_nothing::patroni"),
        law_of::<Mongodb>("a_storm_loses_nothing::mongodb"),
    ];
    assert_eq!(laws.len(), DATABASES as usize, "each database gets its share of the minutes");
    vec![Group::new("chaos", laws).on_nodes_to_drain()]
}

fn law_of<D: Stormy>(name: &'static str) -> Law {
    Law::new(&format!("laws::chaos::{name}"), |context| prove::<D>(context).boxed_local())
        .slow("it takes the minutes it is given")
}

async fn prove<D: Stormy>(context: &mut Context) -> Result<()> {
    let (seed, minutes) = (number(SEED)?, number(MINUTES)?);
    let share = Duration::from_secs(60 * minutes) / DATABASES;
    storm::survive::<D>(context, StdRng::from_seed(seed_of(seed, std::any::type_name::<D>())), share).await
}

/// Each database has a storm of its own.
fn seed_of(seed: u64, database: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    for (at, byte) in bytes[8..].iter_mut().zip(database.bytes().rev()) {
        *at = byte;
    }
    bytes
}

fn number(name: &str) -> Result<u64> {
    let text = std::env::var(name).with_context(|| format!("{name} is not set: run make chaos SEED=1 MINUTES=30"))?;
    text.parse().with_context(|| format!("{name}={text} is not a number"))
}
