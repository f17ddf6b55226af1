//! The databases of the storm.

use anyhow::Result;
use stateful_harness::{
    Deployment, Endpoint, Engine, Mongodb, Patroni, Postgres, Primaries, RedisCluster, RedisReplication, RedisSentinel,
};

/// A database that goes through the storm.
pub(super) trait Stormy: Deployment {
    /// The workload, as a user names it.
    const TARGET: &'static str;
    /// The version it runs.
    const VERSION: &'static str;
    /// Whether every acknowledged write outlives the sudden death of any one member. Where it is replicated after the answer, the death of
    /// a primary loses writes that nobody could have saved: there only replicas die.
    const ANY_MEMBER_MAY_DIE: bool;

    /// For the load.
    async fn clients(&self) -> Result<Endpoint>;

    /// The members that say they are primary, where a second one would take writes.
    async fn primaries_now(&self) -> Result<Vec<String>>;
}

impl Stormy for RedisReplication {
    const TARGET: &'static str = "redis";
    const VERSION: &'static str = "7.0";
    const ANY_MEMBER_MAY_DIE: bool = false;

    async fn clients(&self) -> Result<Endpoint> {
        Ok(self.endpoint())
    }

    async fn primaries_now(&self) -> Result<Vec<String>> {
        Ok(vec![self.primary().await?])
    }
}

impl Stormy for RedisSentinel {
    const TARGET: &'static str = "redis";
    const VERSION: &'static str = "7.0";
    const ANY_MEMBER_MAY_DIE: bool = false;

    async fn clients(&self) -> Result<Endpoint> {
        Ok(self.servers().endpoint())
    }

    async fn primaries_now(&self) -> Result<Vec<String>> {
        Ok(vec![self.servers().primary().await?])
    }
}

impl Stormy for RedisCluster {
    const TARGET: &'static str = "redis";
    const VERSION: &'static str = "7.0";
    const ANY_MEMBER_MAY_DIE: bool = false;

    async fn clients(&self) -> Result<Endpoint> {
        Engine::endpoint(self).await
    }

    async fn primaries_now(&self) -> Result<Vec<String>> {
        self.primaries().await
    }
}

impl Stormy for Postgres {
    const TARGET: &'static str = "postgres";
    const VERSION: &'static str = "15.18";
    /// Commits wait for a standby, and no member takes over by itself.
    const ANY_MEMBER_MAY_DIE: bool = true;

    async fn clients(&self) -> Result<Endpoint> {
        Engine::endpoint(self).await
    }

    async fn primaries_now(&self) -> Result<Vec<String>> {
        Ok(vec![self.primary().await?])
    }
}

impl Stormy for Patroni {
    const TARGET: &'static str = "patroni";
    const VERSION: &'static str = "15.18";
    /// Its commits wait for no standby, and Patroni promotes one when the primary dies.
    const ANY_MEMBER_MAY_DIE: bool = false;

    async fn clients(&self) -> Result<Endpoint> {
        self.endpoint().await
    }

    async fn primaries_now(&self) -> Result<Vec<String>> {
        Ok(vec![self.primary().await?])
    }
}

impl Stormy for Mongodb {
    const TARGET: &'static str = "mongo";
    const VERSION: &'static str = "6.0";
    /// A write is acknowledged once a majority has it.
    const ANY_MEMBER_MAY_DIE: bool = true;

    async fn clients(&self) -> Result<Endpoint> {
        Engine::endpoint(self).await
    }

    async fn primaries_now(&self) -> Result<Vec<String>> {
        Ok(vec![self.primary().await?])
    }
}
