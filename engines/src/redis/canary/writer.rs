//! One key's writer.

use std::collections::BTreeSet;
use std::time::Instant;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, cmd};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::canary::{Attempt, CLIENT_PATIENCE, CanaryWriter, RETRY};
use crate::redis::connections::{connect, failure};
use crate::{CanaryError, Endpoint, Ledger, ServerError};

/// The key expires after this many seconds, so that a canary that is killed leaves nothing behind for ever.
const EXPIRES: u64 = 86_400;

pub(super) struct Writer {
    key: String,
    endpoints: watch::Receiver<Vec<Endpoint>>,
    /// The member last known to take this key's writes, with the open connection to it.
    connection: Option<(String, MultiplexedConnection)>,
    /// How often a member that takes the writes was looked for.
    tries: usize,
    /// Whether the key has got its time to expire.
    expires: bool,
}

impl Writer {
    pub(super) fn new(key: String, endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        Self { key, endpoints, connection: None, tries: 0, expires: false }
    }

    pub(super) async fn run(mut self, group: String, stop: watch::Receiver<bool>) -> Result<Ledger, CanaryError> {
        crate::canary::run(&mut self, group, stop).await
    }

    /// Read from the member that takes this key's writes.
    async fn read_kept(&mut self) -> Result<BTreeSet<u64>, ServerError> {
        let started = Instant::now();
        loop {
            if self.connection.is_none() {
                self.tries += 1;
                self.connection = self.open_from(self.tries).await;
            }
            let why = match &mut self.connection {
                None => ServerError::NoEndpoint("no member can be reached".to_owned()),
                Some((_, connection)) => {
                    let read = redis::pipe()
                        .cmd("HKEYS")
                        .arg(&self.key)
                        .cmd("UNLINK")
                        .arg(&self.key)
                        .ignore()
                        .query_async::<(BTreeSet<u64>,)>(connection)
                        .await;
                    match read {
                        Ok((numbers,)) => return Ok(numbers),
                        Err(error) => {
                            self.follow(&error).await;
                            failure(&error)
                        }
                    }
                }
            };
            if started.elapsed() > CLIENT_PATIENCE {
                return Err(why);
            }
            sleep(RETRY).await;
        }
    }

    /// Connects to the member that a server's `MOVED` names. If the server answered with an error nothing was written; if the
    /// connection broke the write may have been carried out.
    async fn follow(&mut self, error: &RedisError) -> Attempt {
        self.connection = None;
        let Some(code) = error.code() else {
            return Attempt::Unknown;
        };
        if code == "MOVED" {
            let address = error.detail().and_then(|detail| detail.split(' ').next_back()?.rsplit_once(':'));
            if let Some((host, _)) = address {
                self.connection = self.open(|endpoint| endpoint.address.as_deref() == Some(host)).await;
            }
        }
        if self.connection.is_some() { Attempt::Moved } else { Attempt::Refused }
    }

    async fn open(&self, wanted: impl Fn(&Endpoint) -> bool) -> Option<(String, MultiplexedConnection)> {
        let endpoint = self.endpoints.borrow().iter().find(|endpoint| wanted(endpoint)).cloned()?;
        let connection = connect(endpoint.dial_config.as_ref().ok()?).await.ok()?;
        Some((endpoint.member, connection))
    }

    /// A connection to the `skip`th member, counted round: with each attempt another one, so that a dead member is not asked for
    /// ever.
    async fn open_from(&self, skip: usize) -> Option<(String, MultiplexedConnection)> {
        let members: Vec<String> = self.endpoints.borrow().iter().map(|endpoint| endpoint.member.clone()).collect();
        let member = members.get(skip.checked_rem(members.len())?)?;
        self.open(|endpoint| &endpoint.member == member).await
    }
}

impl CanaryWriter for Writer {
    /// The field's name is the write's number, so trying twice writes once.
    async fn attempt(&mut self, number: u64) -> Attempt {
        if self.connection.is_none() {
            // Any member will do: one that does not own the slot answers which member does, and a replica that only refuses is
            // not asked twice in a row.
            self.tries += 1;
            self.connection = self.open_from(self.tries).await;
        }
        let Some((_, connection)) = &mut self.connection else {
            return Attempt::Refused;
        };
        if let Err(error) = cmd("HSET").arg(&self.key).arg(number).arg(1).query_async::<()>(connection).await {
            return self.follow(&error).await;
        }
        if !std::mem::replace(&mut self.expires, true) {
            // Failing here only costs the safety net: the key is removed at the end all the same.
            let _ = cmd("EXPIRE").arg(&self.key).arg(EXPIRES).query_async::<()>(connection).await;
        }
        Attempt::Acknowledged
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, CanaryError> {
        let removal = format!("redis-cli -c UNLINK '{}'", self.key);
        let what = self.key.clone();
        self.read_kept().await.map_err(|why| CanaryError::ReadBack { what, why, removal })
    }
}
