//! One key's writer and its ledger.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis::aio::MultiplexedConnection;
use redis::{RedisError, cmd};
use stateful_safety::Millis;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::redis::links::{connect, words};
use crate::{Door, Gap, Ledger};

/// A write every 20 ms: fine enough to measure a pause of a tenth of a second, too little to be a load.
const PACE: Duration = Duration::from_millis(20);

/// How long a client goes on trying one write before it tells its user no: what drivers commonly do.
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries that a server refused.
const RETRY: Duration = Duration::from_millis(10);

/// A key nobody removed goes by itself after this many seconds: a canary killed leaves nothing for ever.
const EXPIRES: u64 = 86_400;

pub(super) struct Writer {
    group: String,
    key: String,
    doors: watch::Receiver<Vec<Door>>,
    stop: watch::Receiver<bool>,
    /// The member last known to take this key's writes, with the open connection to it.
    link: Option<(String, MultiplexedConnection)>,
    /// How often somebody was looked for.
    tries: usize,
    acknowledged: BTreeSet<u64>,
    last_acknowledged: Option<Millis>,
    ledger: Ledger,
}

/// What one attempt came to.
enum Attempt {
    Acknowledged,
    /// The server said no: it is certain that nothing was written.
    Refused {
        moved_to: Option<String>,
    },
    /// The connection broke: it may have been written.
    Unknown,
    /// There was nobody to send it to.
    NotSent,
}

impl Writer {
    pub(super) fn new(
        group: String,
        key: String,
        doors: watch::Receiver<Vec<Door>>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let ledger = Ledger::default();
        Self {
            group,
            key,
            doors,
            stop,
            link: None,
            tries: 0,
            acknowledged: BTreeSet::new(),
            last_acknowledged: None,
            ledger,
        }
    }

    pub(super) async fn run(mut self) -> Result<Ledger, String> {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut number = 0;
        while !*self.stop.borrow() {
            pace.tick().await;
            number += 1;
            self.write(number).await;
        }
        let kept = self.read_back().await.map_err(|why| {
            format!("the canary could not read back {}: {why}; remove it by hand: redis-cli -c UNLINK '{0}'", self.key)
        })?;
        self.ledger.lost = self.acknowledged.difference(&kept).count() as u64;
        Ok(self.ledger)
    }

    /// One write, tried as a client tries it. The field's name is the write's number, so trying twice writes once.
    async fn write(&mut self, number: u64) {
        let started = Instant::now();
        let mut may_be_written = false;
        while started.elapsed() < CLIENT_PATIENCE {
            match self.attempt(number).await {
                Attempt::Acknowledged => return self.acknowledge(number),
                Attempt::Refused { moved_to: Some(address) } => {
                    self.link = self.open(|door| door.address.as_deref() == Some(address.as_str())).await;
                    if self.link.is_none() {
                        sleep(RETRY).await;
                    }
                }
                Attempt::Refused { moved_to: None } | Attempt::NotSent => {
                    self.link = None;
                    sleep(RETRY).await;
                }
                Attempt::Unknown => {
                    may_be_written = true;
                    self.link = None;
                }
            }
        }
        if may_be_written {
            self.ledger.unknown += 1;
        } else {
            self.ledger.failed += 1;
        }
    }

    async fn attempt(&mut self, number: u64) -> Attempt {
        if self.link.is_none() {
            // Anybody will do: whoever does not own the slot says who does, and a replica that only says no is not asked
            // twice in a row.
            self.tries += 1;
            self.link = self.open_from(self.tries).await;
        }
        let Some((_, link)) = &mut self.link else {
            return Attempt::NotSent;
        };
        match cmd("HSET").arg(&self.key).arg(number).arg(1).query_async::<()>(link).await {
            Ok(()) => {
                if self.acknowledged.is_empty() {
                    // Failing here only costs the safety net: the key is removed at the end all the same.
                    let _ = cmd("EXPIRE").arg(&self.key).arg(EXPIRES).query_async::<()>(link).await;
                }
                Attempt::Acknowledged
            }
            Err(error) => judge(&error),
        }
    }

    fn acknowledge(&mut self, number: u64) {
        let now = now();
        if let Some(before) = self.last_acknowledged.replace(now) {
            let gap = u64::try_from(now - before).unwrap_or(0);
            self.ledger.longest_gap = self.ledger.longest_gap.max(gap);
            if gap >= Ledger::NOTABLE_GAP {
                self.ledger.gaps.push(Gap { group: self.group.clone(), from: before, until: now });
            }
        }
        self.ledger.acknowledged += 1;
        self.acknowledged.insert(number);
    }

    /// The numbers that are there, read from the member that takes this key's writes; then the key is removed.
    async fn read_back(&mut self) -> Result<BTreeSet<u64>, String> {
        let started = Instant::now();
        loop {
            if self.link.is_none() {
                self.tries += 1;
                self.link = self.open_from(self.tries).await;
            }
            let why = match &mut self.link {
                None => "no member can be reached".to_owned(),
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
                            let moved = match judge(&error) {
                                Attempt::Refused { moved_to } => moved_to,
                                Attempt::Acknowledged | Attempt::Unknown | Attempt::NotSent => None,
                            };
                            self.link = match moved {
                                Some(address) => self.open(|door| door.address.as_deref() == Some(&address)).await,
                                None => None,
                            };
                            words(&error)
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

    async fn open(&self, wanted: impl Fn(&Door) -> bool) -> Option<(String, MultiplexedConnection)> {
        let door = self.doors.borrow().iter().find(|door| wanted(door)).cloned()?;
        let link = connect(door.way.as_ref().ok()?).await.ok()?;
        Some((door.member, link))
    }

    /// The first member that lets itself be reached, beginning with the `skip`th so that a dead one is not asked for ever.
    async fn open_from(&self, skip: usize) -> Option<(String, MultiplexedConnection)> {
        let members: Vec<String> = self.doors.borrow().iter().map(|door| door.member.clone()).collect();
        let member = members.get(skip.checked_rem(members.len())?)?;
        self.open(|door| &door.member == member).await
    }
}

/// A server's own word means nothing was written, except that nobody knows after a broken connection.
fn judge(error: &RedisError) -> Attempt {
    let Some(code) = error.code() else {
        return Attempt::Unknown;
    };
    let moved_to = (code == "MOVED")
        .then(|| error.detail()?.split(' ').next_back()?.rsplit_once(':').map(|(host, _)| host.to_owned()))
        .flatten();
    Attempt::Refused { moved_to }
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
