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

/// A key nobody removed goes by itself after this many seconds: a canary killed leaves nothing for ever.
const EXPIRES: u64 = 86_400;

pub(super) struct Writer {
    key: String,
    endpoints: watch::Receiver<Vec<Endpoint>>,
    /// The member last known to take this key's writes, with the open connection to it.
    link: Option<(String, MultiplexedConnection)>,
    /// How often somebody was looked for.
    tries: usize,
    /// Whether the key has been told when to go by itself.
    expires: bool,
}

impl Writer {
    pub(super) fn new(key: String, endpoints: watch::Receiver<Vec<Endpoint>>) -> Self {
        Self { key, endpoints, link: None, tries: 0, expires: false }
    }

    pub(super) async fn run(mut self, group: String, stop: watch::Receiver<bool>) -> Result<Ledger, CanaryError> {
        crate::canary::run(&mut self, group, stop).await
    }

    /// Read from the member that takes this key's writes.
    async fn kept(&mut self) -> Result<BTreeSet<u64>, ServerError> {
        let started = Instant::now();
        loop {
            if self.link.is_none() {
                self.tries += 1;
                self.link = self.open_from(self.tries).await;
            }
            let why = match &mut self.link {
                None => ServerError::NoEndpoint("no member can be reached".to_owned()),
                Some((_, link)) => {
                    let read = redis::pipe()
                        .cmd("HKEYS")
                        .arg(&self.key)
                        .cmd("UNLINK")
                        .arg(&self.key)
                        .ignore()
                        .query_async::<(BTreeSet<u64>,)>(link)
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

    /// Goes where the server says, if it says so. Its own word means nothing was written; after a broken connection nobody
    /// knows.
    async fn follow(&mut self, error: &RedisError) -> Attempt {
        self.link = None;
        let Some(code) = error.code() else {
            return Attempt::Unknown;
        };
        if code == "MOVED" {
            let address = error.detail().and_then(|detail| detail.split(' ').next_back()?.rsplit_once(':'));
            if let Some((host, _)) = address {
                self.link = self.open(|endpoint| endpoint.address.as_deref() == Some(host)).await;
            }
        }
        if self.link.is_some() { Attempt::Moved } else { Attempt::Refused }
    }

    async fn open(&self, wanted: impl Fn(&Endpoint) -> bool) -> Option<(String, MultiplexedConnection)> {
        let endpoint = self.endpoints.borrow().iter().find(|endpoint| wanted(endpoint)).cloned()?;
        let link = connect(endpoint.dial_config.as_ref().ok()?).await.ok()?;
        Some((endpoint.member, link))
    }

    /// The first member that lets itself be reached, beginning with the `skip`th so that a dead one is not asked for ever.
    async fn open_from(&self, skip: usize) -> Option<(String, MultiplexedConnection)> {
        let members: Vec<String> = self.endpoints.borrow().iter().map(|endpoint| endpoint.member.clone()).collect();
        let member = members.get(skip.checked_rem(members.len())?)?;
        self.open(|endpoint| &endpoint.member == member).await
    }
}

impl CanaryWriter for Writer {
    /// The field's name is the write's number, so trying twice writes once.
    async fn attempt(&mut self, number: u64) -> Attempt {
        if self.link.is_none() {
            // Anybody will do: whoever does not own the slot says who does, and a replica that only says no is not asked
            // twice in a row.
            self.tries += 1;
            self.link = self.open_from(self.tries).await;
        }
        let Some((_, link)) = &mut self.link else {
            return Attempt::Refused;
        };
        if let Err(error) = cmd("HSET").arg(&self.key).arg(number).arg(1).query_async::<()>(link).await {
            return self.follow(&error).await;
        }
        if !std::mem::replace(&mut self.expires, true) {
            // Failing here only costs the safety net: the key is removed at the end all the same.
            let _ = cmd("EXPIRE").arg(&self.key).arg(EXPIRES).query_async::<()>(link).await;
        }
        Attempt::Acknowledged
    }

    async fn read_back(&mut self) -> Result<BTreeSet<u64>, CanaryError> {
        let removal = format!("redis-cli -c UNLINK '{}'", self.key);
        let what = self.key.clone();
        self.kept().await.map_err(|why| CanaryError::ReadBack { what, why, removal })
    }
}
