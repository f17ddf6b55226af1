//! How proofs share the machine. One that measures how long clients wait, or meddles with nodes, has it alone; of the others two
//! run at once, since a proof mostly waits for pods. They come first: whoever wants to be alone waits until none of them runs or
//! waits.
//!
//! All of a binary's proofs are started at once (`--test-threads`) and wait here for their turn.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// How many run at once where nobody is alone: one a core, as long as each waits half of its time.
const AT_ONCE: usize = 2;

/// A hundred writes a second and key: fine enough to see a gap of 20 ms.
const TO_MEASURE: Duration = Duration::from_millis(10);

/// Twenty: enough that something is under way whenever anything happens. Two loads of the other kind keep two cores busy, and
/// what is to be proven waits for them.
const TO_PROVE: Duration = Duration::from_millis(50);

static MACHINE: Mutex<Machine> = Mutex::new(Machine { alone: false, beside: 0, waiting: 0 });

/// Somebody has left.
static LEFT: Notify = Notify::const_new();

/// Who is on the machine.
struct Machine {
    alone: bool,
    /// Proofs that run beside others.
    beside: usize,
    /// Proofs that will.
    waiting: usize,
}

/// How a proof takes the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Alone,
    BesideOthers,
}

/// A turn on the machine, until it is dropped.
#[derive(Debug)]
pub(crate) struct Held(Turn);

impl Held {
    /// Waits for a turn.
    pub(crate) async fn wait(turn: Turn) -> Self {
        if turn == Turn::BesideOthers {
            machine().waiting += 1;
        }
        loop {
            let mut left = std::pin::pin!(LEFT.notified());
            // Before the look: who leaves right after it wakes us.
            left.as_mut().enable();
            if machine().enter(turn) {
                return Self(turn);
            }
            left.await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self.0 {
            Turn::Alone => machine().alone = false,
            Turn::BesideOthers => machine().beside -= 1,
        }
        LEFT.notify_waiters();
    }
}

impl Machine {
    /// Lets a proof in if it may come now. Whether it may.
    fn enter(&mut self, turn: Turn) -> bool {
        let may = !self.alone
            && match turn {
                Turn::Alone => self.beside == 0 && self.waiting == 0,
                Turn::BesideOthers => self.beside < AT_ONCE,
            };
        match turn {
            Turn::Alone => self.alone |= may,
            Turn::BesideOthers if may => {
                self.waiting -= 1;
                self.beside += 1;
            }
            Turn::BesideOthers => {}
        }
        may
    }
}

/// How often each key is written now.
pub(crate) fn pace() -> Duration {
    if machine().beside > 0 { TO_PROVE } else { TO_MEASURE }
}

/// A proof that panics leaves it as it was: it is changed in one go.
fn machine() -> MutexGuard<'static, Machine> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Machine, Turn};

    #[test]
    fn whoever_is_alone_is_alone_and_comes_when_no_other_waits() {
        let mut machine = Machine { alone: false, beside: 0, waiting: 3 };
        assert!(!machine.enter(Turn::Alone), "others wait");
        assert!(machine.enter(Turn::BesideOthers));
        assert!(machine.enter(Turn::BesideOthers));
        assert!(!machine.enter(Turn::BesideOthers), "two are there");
        machine.beside = 1;
        assert!(machine.enter(Turn::BesideOthers));
        assert!(!machine.enter(Turn::Alone), "two are there");
        machine.beside = 0;
        assert!(machine.enter(Turn::Alone));
        assert!(!machine.enter(Turn::Alone), "one is alone");
        machine.waiting = 1;
        assert!(!machine.enter(Turn::BesideOthers), "one is alone");
    }
}
