//! The time after which a line without a question is closed, kept so that it costs no answer anything.
//!
//! A timer of the runtime that answers would be set and taken back with every question, and as long as one is set the
//! kernel sets an alarm each time the runtime has nothing to do, which is after every answer on a quiet line. Here nobody's
//! alarm is set, and nothing is put down anywhere with a question: a clock counts rounds on another runtime, a line writes
//! down in which round it last heard or said something, and each round wakes the lines for which it is time to close.

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

/// Rounds in the time a line may be silent: it is closed this fraction of its time too late, at most.
const ROUNDS: u32 = 24;

/// Counts rounds, and knows the lines.
pub(super) struct Clock {
    round: AtomicU32,
    lines: Mutex<Vec<Weak<Mark>>>,
}

/// Since when a line's time runs, and how it is woken.
struct Mark {
    round: AtomicU32,
    reader: AtomicWaker,
}

impl Clock {
    /// Goes on `elsewhere`, for lines that are closed after `idle`, until nobody has it any more.
    pub(super) fn start(elsewhere: &Handle, idle: Duration) -> Arc<Self> {
        let clock = Arc::new(Self { round: AtomicU32::new(0), lines: Mutex::default() });
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

    /// Keeps time for a line from now on.
    pub(super) fn keep<S>(self: &Arc<Self>, stream: S) -> IdleTimeout<S> {
        let mark = Arc::new(Mark { round: AtomicU32::new(self.now()), reader: AtomicWaker::new() });
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&mark));
        IdleTimeout { stream, clock: Arc::clone(self), mark, asked: false }
    }

    fn now(&self) -> u32 {
        self.round.load(Ordering::Relaxed)
    }

    fn is_over(&self, mark: &Mark) -> bool {
        self.now().wrapping_sub(mark.round.load(Ordering::Relaxed)) > ROUNDS
    }

    fn next(&self) {
        self.round.fetch_add(1, Ordering::Relaxed);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| {
            let Some(mark) = line.upgrade() else { return false };
            if self.is_over(&mark) {
                mark.reader.wake();
            }
            true
        });
    }
}

/// A line that ends when for too long no question came, or the one that began to come was not asked to its end. A question
/// that has come has less time than that to be answered; see [`super::ServerLimits`].
pub(super) struct IdleTimeout<S> {
    stream: S,
    clock: Arc<Clock>,
    mark: Arc<Mark>,
    /// Whether something of a question has come since we last said something: only its beginning gives it time, or one
    /// that comes byte by byte would have it for ever.
    asked: bool,
}

impl<S> IdleTimeout<S> {
    fn begin_anew(&mut self) {
        self.mark.round.store(self.clock.now(), Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for IdleTimeout<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(context, into);
        if read.is_pending() {
            this.mark.reader.register(context.waker()); // and then look: a round may have ended in between
            if this.clock.is_over(&this.mark) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        } else if !this.asked {
            this.asked = true;
            this.begin_anew();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> IdleTimeout<S> {
    /// The line says something.
    fn speaks(self: Pin<&mut Self>) -> Pin<&mut S> {
        let this = self.get_mut();
        this.asked = false;
        this.begin_anew();
        Pin::new(&mut this.stream)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for IdleTimeout<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        self.speaks().poll_write(context, from)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.speaks().poll_write_vectored(context, from)
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

    fn clock() -> Arc<Clock> {
        Arc::new(Clock { round: AtomicU32::new(0), lines: Mutex::default() })
    }

    fn rounds(clock: &Clock, count: u32) {
        (0..count).for_each(|_| clock.next());
    }

    /// What a line reads now; nothing while it would wait.
    fn read(line: &mut IdleTimeout<tokio::io::DuplexStream>) -> Option<Result<usize, ErrorKind>> {
        let read = line.read(&mut [0; 64]).now_or_never()?;
        Some(read.map_err(|error| error.kind()))
    }

    #[tokio::test]
    async fn a_question_has_its_whole_time_however_long_the_line_was_silent_before() {
        let (clock, (ours, mut theirs)) = (clock(), duplex(64));
        let mut line = clock.keep(ours);
        rounds(&clock, ROUNDS);
        assert_eq!(read(&mut line), None, "its time is not over yet");
        theirs.write_all(b"a question").await.expect("written");
        assert_eq!(read(&mut line), Some(Ok(10)));
        rounds(&clock, ROUNDS);
        assert_eq!(read(&mut line), None, "it is being answered");
        line.write_all(b"an answer").await.expect("written");
        rounds(&clock, ROUNDS);
        assert_eq!(read(&mut line), None, "the next may come");
        rounds(&clock, 1);
        assert_eq!(read(&mut line), Some(Err(ErrorKind::TimedOut)));
    }

    #[tokio::test]
    async fn a_question_that_comes_byte_by_byte_has_no_more_time_than_another() {
        let (clock, (ours, mut theirs)) = (clock(), duplex(64));
        let mut line = clock.keep(ours);
        for _ in 0..=ROUNDS {
            theirs.write_all(b"a").await.expect("written");
            assert_eq!(read(&mut line), Some(Ok(1)));
            rounds(&clock, 1);
        }
        assert_eq!(read(&mut line), Some(Err(ErrorKind::TimedOut)));
    }

    #[tokio::test]
    async fn a_line_that_waits_is_woken_when_its_time_is_over_and_one_that_is_gone_is_forgotten() {
        let (clock, (ours, _theirs)) = (clock(), duplex(64));
        let mut line = clock.keep(ours);
        let ended = tokio::spawn(async move { line.read(&mut [0]).await.map_err(|error| error.kind()) });
        tokio::task::yield_now().await; // it waits now
        rounds(&clock, ROUNDS + 1);
        assert_eq!(ended.await.expect("no panic"), Err(ErrorKind::TimedOut));
        rounds(&clock, 1);
        assert!(clock.lines.lock().expect("nobody panicked").is_empty());
    }
}
