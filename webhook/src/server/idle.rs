//! Closes connections that are idle for too long, in a way that costs no response anything.
//!
//! A timer of the answering runtime would be set and cancelled with every request, and while one is set the kernel programs
//! an alarm each time the runtime has nothing to do, which is after every response on a quiet connection. Here no timer is set
//! and nothing is allocated for a request: a clock counts rounds on another runtime, a connection stores the round in which it
//! was last active, and each round wakes the connections that have to be closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;
use tokio::time::interval;

/// Rounds in the time a connection may be idle: it is closed at most this fraction of the time too late.
const ROUNDS: u32 = 24;

/// Counts rounds, and holds the connections.
pub(super) struct IdleClock {
    round: AtomicU32,
    connections: Mutex<Vec<Weak<Activity>>>,
}

/// The round in which a connection was last active, and how its reader is woken.
struct Activity {
    round: AtomicU32,
    reader: AtomicWaker,
}

impl IdleClock {
    /// Starts on the runtime `elsewhere`, for connections that are closed after `idle`, and runs until it is dropped.
    pub(super) fn start(elsewhere: &Handle, idle: Duration) -> Arc<Self> {
        let clock = Arc::new(Self { round: AtomicU32::new(0), connections: Mutex::default() });
        let seen = Arc::downgrade(&clock);
        elsewhere.spawn(async move {
            let mut times = interval((idle / ROUNDS).max(Duration::from_millis(1)));
            while let Some(clock) = {
                times.tick().await;
                seen.upgrade()
            } {
                clock.next();
            }
        });
        clock
    }

    /// Measures the idle time of a connection from now on.
    pub(super) fn keep<S>(self: &Arc<Self>, stream: S) -> IdleTimeout<S> {
        let activity = Arc::new(Activity { round: AtomicU32::new(self.now()), reader: AtomicWaker::new() });
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&activity));
        IdleTimeout { stream, clock: Arc::clone(self), activity, asked: false }
    }

    fn now(&self) -> u32 {
        self.round.load(Ordering::Relaxed)
    }

    fn is_over(&self, activity: &Activity) -> bool {
        self.now().wrapping_sub(activity.round.load(Ordering::Relaxed)) > ROUNDS
    }

    fn next(&self) {
        self.round.fetch_add(1, Ordering::Relaxed);
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| {
            let Some(activity) = connection.upgrade() else { return false };
            if self.is_over(&activity) {
                activity.reader.wake();
            }
            true
        });
    }
}

/// A connection that ends when for too long no request arrived, or a request arrived only in part. A complete request has less
/// time than that to be answered; see [`super::ServerLimits`].
pub(super) struct IdleTimeout<S> {
    stream: S,
    clock: Arc<IdleClock>,
    activity: Arc<Activity>,
    /// Whether part of a request has arrived since the last response: only its first byte counts as activity, or a request
    /// that arrives byte by byte would never end.
    asked: bool,
}

impl<S> IdleTimeout<S> {
    fn touch(&mut self) {
        self.activity.round.store(self.clock.now(), Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleTimeout<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(context, into);
        if read.is_pending() {
            this.activity.reader.register(context.waker()); // checked after the registration: a round may have ended before
            if this.clock.is_over(&this.activity) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        } else if !this.asked {
            this.asked = true;
            this.touch();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> IdleTimeout<S> {
    /// The connection sends something.
    fn written(self: Pin<&mut Self>) -> Pin<&mut S> {
        let this = self.get_mut();
        this.asked = false;
        this.touch();
        Pin::new(&mut this.stream)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleTimeout<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.written().poll_write(context, from)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.written().poll_write_vectored(context, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use futures::FutureExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn clock() -> Arc<IdleClock> {
        Arc::new(IdleClock { round: AtomicU32::new(0), connections: Mutex::default() })
    }

    fn rounds(clock: &IdleClock, count: u32) {
        (0..count).for_each(|_| clock.next());
    }

    /// What a connection reads now; none while it would wait.
    fn read(connection: &mut IdleTimeout<tokio::io::DuplexStream>) -> Option<Result<usize, ErrorKind>> {
        let read = connection.read(&mut [0; 64]).now_or_never()?;
        Some(read.map_err(|error| error.kind()))
    }

    #[tokio::test]
    async fn a_request_has_its_whole_time_however_long_the_connection_was_idle_before() {
        let (clock, (ours, mut theirs)) = (clock(), duplex(64));
        let mut connection = clock.keep(ours);
        rounds(&clock, ROUNDS);
        assert_eq!(read(&mut connection), None, "its time is not over yet");
        theirs.write_all(b"a question").await.expect("written");
        assert_eq!(read(&mut connection), Some(Ok(10)));
        rounds(&clock, ROUNDS);
        assert_eq!(read(&mut connection), None, "it is being answered");
        connection.write_all(b"an answer").await.expect("written");
        rounds(&clock, ROUNDS);
        assert_eq!(read(&mut connection), None, "the next may come");
        rounds(&clock, 1);
        assert_eq!(read(&mut connection), Some(Err(ErrorKind::TimedOut)));
    }

    #[tokio::test]
    async fn a_request_that_arrives_byte_by_byte_has_no_more_time_than_another() {
        let (clock, (ours, mut theirs)) = (clock(), duplex(64));
        let mut connection = clock.keep(ours);
        for _ in 0..=ROUNDS {
            theirs.write_all(b"a").await.expect("written");
            assert_eq!(read(&mut connection), Some(Ok(1)));
            rounds(&clock, 1);
        }
        assert_eq!(read(&mut connection), Some(Err(ErrorKind::TimedOut)));
    }

    #[tokio::test]
    async fn a_waiting_connection_is_woken_when_its_time_is_over_and_a_closed_one_is_forgotten() {
        let (clock, (ours, _theirs)) = (clock(), duplex(64));
        let mut connection = clock.keep(ours);
        let ended = tokio::spawn(async move { connection.read(&mut [0]).await.map_err(|error| error.kind()) });
        tokio::task::yield_now().await; // it waits now
        rounds(&clock, ROUNDS + 1);
        assert_eq!(ended.await.expect("no panic"), Err(ErrorKind::TimedOut));
        rounds(&clock, 1);
        assert!(clock.connections.lock().expect("no thread panicked").is_empty());
    }
}
