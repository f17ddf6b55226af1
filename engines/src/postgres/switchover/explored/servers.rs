//! THINK, for tests. Three PostgreSQL servers as far as a switchover concerns them: what is on their disks, what they run as, and
//! what they say of themselves.

use crate::postgres::lsn::Lsn;
use crate::postgres::switchover::decide::ServerState;

/// The three members: the old primary, its successor, and one that takes no part.
pub(super) const FROM: usize = 0;
pub(super) const TO: usize = 1;
pub(super) const OTHER: usize = 2;
pub(super) const NAMES: [&str; 3] = ["pg-0 (old primary)", "pg-1 (successor)", "pg-2"];

/// A log: which member wrote each of its entries. Logs with the same beginning were written by the same primaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Log {
    length: u8,
    writers: [u8; 4],
}

impl Log {
    pub(super) const fn length(self) -> u8 {
        self.length
    }

    /// With one more entry; unchanged where there is no room for more, which keeps the model small.
    pub(super) fn with(mut self, writer: usize) -> Self {
        if let Some(entry) = self.writers.get_mut(usize::from(self.length)) {
            *entry = u8::try_from(writer + 1).expect("one of three");
            self.length += 1;
        }
        self
    }

    pub(super) fn first(self, length: u8) -> Self {
        (0..length.min(self.length))
            .fold(Self::default(), |log, at| log.with(usize::from(self.writers[usize::from(at)]) - 1))
    }

    pub(super) fn begins_with(self, other: Self) -> bool {
        self.first(other.length) == other
    }

    /// What both begin with.
    pub(super) fn shared_with(self, other: Self) -> Self {
        let length = (0..=self.length).rev().find(|length| other.begins_with(self.first(*length)));
        self.first(length.unwrap_or_default())
    }
}

/// One server, its disk included.
#[expect(clippy::struct_excessive_bools, reason = "the state of a model: each is a fact of its own")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Server {
    pub(super) is_up: bool,
    /// While it is up: whether it takes writes.
    pub(super) is_primary: bool,
    /// `standby.signal` is on its disk: it starts as a standby.
    pub(super) has_signal: bool,
    pub(super) log: Log,
    /// How far it has read its own log since it started; it says no more than that.
    pub(super) read: u8,
    /// It has got the order to promote.
    pub(super) is_promoted: bool,
    /// Its files say that it is to become the primary again.
    pub(super) is_returning: bool,
    /// It has got the order to stop.
    pub(super) is_stopped: bool,
}

impl Server {
    pub(super) const fn new(is_primary: bool) -> Self {
        let log = Log { length: 0, writers: [0; 4] };
        let (is_promoted, is_returning, is_stopped) = (false, false, false);
        Self { is_up: true, is_primary, has_signal: !is_primary, log, read: 0, is_promoted, is_returning, is_stopped }
    }

    pub(super) const fn takes_writes(&self) -> bool {
        self.is_up && self.is_primary
    }

    pub(super) const fn is_standby(&self) -> bool {
        self.is_up && !self.is_primary
    }

    pub(super) const fn has_read_all(&self) -> bool {
        self.read == self.log.length
    }

    pub(super) fn set_log(&mut self, log: Log) {
        (self.log, self.read) = (log, log.length);
    }

    pub(super) fn go_down(&mut self) {
        (self.is_up, self.is_promoted, self.is_stopped) = (false, false, false);
    }

    /// Starts again in the role that its disk says. A standby has the last entry still to read, or not.
    pub(super) fn start(&mut self, has_read_all: bool) {
        (self.is_up, self.is_primary) = (true, !self.has_signal);
        self.read = if self.is_primary || has_read_all { self.log.length } else { self.log.length.saturating_sub(1) };
    }

    /// Obeys the order to promote. The promotion removes the signal.
    pub(super) fn become_primary(&mut self) {
        (self.is_primary, self.has_signal, self.is_promoted) = (true, false, false);
    }

    /// What it says of itself when it answers.
    pub(super) const fn says(&self) -> Said {
        match (self.is_up, self.is_primary) {
            (false, _) => Said::Silent,
            (true, true) => Said::Primary,
            (true, false) if self.is_returning => Said::Returning(self.read),
            (true, false) => Said::Standby(self.read),
        }
    }
}

/// An answer to the question for role and position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Said {
    Silent,
    Primary,
    Standby(u8),
    Returning(u8),
}

impl Said {
    pub(super) fn state(self) -> ServerState {
        match self {
            Self::Silent => ServerState::Silent,
            Self::Primary => ServerState::Primary,
            Self::Standby(position) => ServerState::Standby { position: lsn(position) },
            Self::Returning(position) => ServerState::Returning { position: lsn(position) },
        }
    }
}

pub(super) fn lsn(position: u8) -> Lsn {
    Lsn(u64::from(position))
}
