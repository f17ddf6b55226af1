//! The time after which a line without a question is closed, kept so that it costs no answer anything.
//!
//! A timer of the runtime that answers would be set and taken back with every question, and as long as one is set the
//! kernel sets an alarm each time the runtime has nothing to do, which is after every answer on a quiet line. Here nobody's
//! alarm is set: every line looks at the clock whenever a bell rings that another runtime rings.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;
use tokio::time::interval;

/// Lines are closed this fraction of their time too late, at most.
const ROUGHLY: u32 = 24;

/// Rings now and then for all who wait.
#[derive(Clone)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    /// Rings on `elsewhere`, often enough for lines that are closed after `idle`, until nobody has it any more.
    pub(crate) fn ring(elsewhere: &Handle, idle: Duration) -> Self {
        let bell = Arc::new(Notify::new());
        let heard = Arc::downgrade(&bell);
        elsewhere.spawn(async move {
            let mut times = interval((idle / ROUGHLY).max(Duration::from_millis(1)));
            while let Some(bell) = {
                times.tick().await;
                heard.upgrade()
            } {
                bell.notify_waiters();
            }
        });
        Self(bell)
    }
}

impl Timer for Bell {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let bell = Arc::clone(&self.0);
        let rung = Box::pin(Arc::clone(&bell).notified_owned());
        Box::pin(Until { deadline, bell, rung })
    }
}

/// Ends with the first ring after its deadline.
struct Until {
    deadline: Instant,
    bell: Arc<Notify>,
    rung: Pin<Box<OwnedNotified>>,
}

impl Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        while self.rung.as_mut().poll(context).is_ready() {
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            self.rung = Box::pin(Arc::clone(&self.bell).notified_owned());
        }
        Poll::Pending
    }
}
